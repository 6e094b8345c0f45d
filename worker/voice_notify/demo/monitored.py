"""`voice-notify demo --flower`: the same stage with Flower beside it, and a call now and then until Ctrl-C."""

from __future__ import annotations

import os
import secrets
import sys
import time
from http.client import HTTPConnection
from random import Random

import voice_notify
from voice_notify.cli.rendering.output import print_text
from voice_notify.demo.servers import run_process
from voice_notify.demo.stage import DELIVERY, Stage

_PORT = 5555
_PAUSE_SECONDS = 0.4
#: What the last four digits have the sandbox do, mostly nothing special: see `voice-notify sandbox --help`.
_ENDINGS = (*("",) * 14, "0001", "0001", "0400", "0902", "0999", "0500")


def play_on(stage: Stage) -> None:
    """Run Flower and call numbers until Ctrl-C."""
    login = os.environ.setdefault("FLOWER_BASIC_AUTH", f"admin:{secrets.token_urlsafe(12)}")
    port = int(os.environ.setdefault("FLOWER_PORT", str(_PORT)))
    command = [sys.executable, "-m", "celery", "-A", "voice_notify", "flower", "--read-only"]
    with run_process("Flower", command, stage.folder / "flower.log") as flower:
        flower.wait_until(lambda: _answers(port))
        user, _, password = login.partition(":")
        print_text(f"\nFlower: http://127.0.0.1:{port}/tasks   user {user}   password {password}")
        print_text("Calls go on until Ctrl-C.")
        random = Random(1)  # noqa: S311 - repeatable on purpose
        number = 0
        while True:
            number += 1
            for process in (*stage.processes, flower):
                process.check()
            voice_notify.notify.apply_async((_mobile(number, random.choice(_ENDINGS)), DELIVERY, ["张三", "3号楼"]))
            time.sleep(_PAUSE_SECONDS)


def _mobile(number: int, ending: str) -> str:
    return f"138{number % 10_000:04d}{ending or f'{7000 + number % 1000}'}"


def _answers(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("GET", "/healthcheck")
        return connection.getresponse().status == 200  # noqa: PLR2004 - OK
    except OSError:
        return False
    finally:
        connection.close()
