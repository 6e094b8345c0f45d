"""`voice-notify demo --flower`: the same services with Flower beside them, and a call now and then until Ctrl-C."""

from __future__ import annotations

import os
import secrets
import sys
import time
from http import HTTPStatus
from http.client import HTTPConnection
from random import Random

import voice_notify
from voice_notify.cli.rendering.output import print_text
from voice_notify.demo.configuration import DELIVERY
from voice_notify.demo.processes import run_process
from voice_notify.demo.services import Services

_DEFAULT_PORT = 5555
_CALL_INTERVAL_S = 0.4
#: Last four digits, and with them what the sandbox does (`voice-notify sandbox --help`): mostly nothing special.
_ENDINGS = (*("",) * 14, "0001", "0001", "0400", "0902", "0999", "0500")


def show_flower(services: Services) -> None:
    """Run Flower and call numbers until Ctrl-C."""
    login = os.environ.setdefault("FLOWER_BASIC_AUTH", f"admin:{secrets.token_urlsafe(12)}")
    port = int(os.environ.setdefault("FLOWER_PORT", str(_DEFAULT_PORT)))
    command = [sys.executable, "-m", "celery", "-A", "voice_notify", "flower", "--read-only"]
    with run_process("Flower", command, services.folder / "flower.log") as flower:
        flower.wait_until(lambda: _answers(port))
        user, _, password = login.partition(":")
        print_text(f"\nFlower: http://127.0.0.1:{port}/tasks   user {user}   password {password}")
        print_text("Calls go on until Ctrl-C.")
        random = Random(1)  # noqa: S311 - repeatable on purpose
        number = 0
        while True:
            number += 1
            for process in (*services.processes, flower):
                process.check()
            voice_notify.notify.apply_async((_mobile(number, random.choice(_ENDINGS)), DELIVERY, ["张三", "3号楼"]))
            time.sleep(_CALL_INTERVAL_S)


def _mobile(number: int, ending: str) -> str:
    return f"138{number % 10_000:04d}{ending or f'{7000 + number % 1000}'}"


def _answers(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("GET", "/healthcheck")
        return connection.getresponse().status == HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()
