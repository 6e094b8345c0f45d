"""Those who watch a deployment: a receiver of Celery events, `celery inspect`, Flower, and MONITOR on the broker."""

from __future__ import annotations

import base64
import http.client
import json
import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import redis

from tests.support.redis_server import free_port
from tests.support.sandbox import eventually
from tests.support.worker import ROOT
from voice_notify.celery import app

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

LOGIN = "admin:a-password-of-tests"


@contextmanager
def receive_events() -> Iterator[list[dict[str, Any]]]:
    """Collect every event that is sent meanwhile."""
    seen: list[dict[str, Any]] = []
    with app.connection_for_read() as connection:
        receiver = app.events.Receiver(connection, handlers={"*": seen.append})
        thread = threading.Thread(target=receiver.capture, kwargs={"wakeup": False})
        thread.start()
        try:
            yield seen
        finally:
            receiver.should_stop = True
            thread.join()


def inspect() -> dict[str, Any]:
    """What `celery inspect` shows of the one worker."""
    asked = ("active", "reserved", "scheduled", "registered", "stats", "conf", "report")
    inspector = app.control.inspect(timeout=5, limit=1)
    return {what: getattr(inspector, what)() for what in asked}


@contextmanager
def monitor_broker(url: str, prefix: str) -> Iterator[list[str]]:
    """Collect the commands that Redis runs meanwhile, but for those on the ledger's keys."""
    seen: list[str] = []
    client = redis.Redis.from_url(url, decode_responses=True)
    with client.monitor() as monitor:  # type: ignore[no-untyped-call]

        def listen() -> None:
            for command in monitor.listen():
                if "the end" in command["command"]:
                    return
                if prefix not in command["command"]:
                    seen.append(command["command"])

        thread = threading.Thread(target=listen)
        thread.start()
        try:
            yield seen
        finally:
            client.echo("the end")
            thread.join()


class Flower:
    """A running Flower; `log` is what it wrote."""

    def __init__(self, port: int, log: Path) -> None:
        self.port = port
        self.log = log

    def get(self, path: str, login: str | None = LOGIN) -> tuple[int, str]:
        """The status and the body of a page."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        headers = {"Authorization": f"Basic {base64.b64encode(login.encode()).decode()}"} if login else {}
        try:
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def tasks(self) -> dict[str, Any]:
        """The tasks that it knows, by id."""
        return dict(json.loads(self.get("/api/tasks")[1]))


@contextmanager
def run_flower(environment: Mapping[str, str], log: Path, **flower: str) -> Iterator[Flower]:
    """`celery -A voice_notify flower`, ended when the block is left; `flower` are its options."""
    port = free_port()
    options = {"FLOWER_PORT": str(port)} | {f"FLOWER_{name.upper()}": value for name, value in flower.items()}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("FLOWER_")}
    command = [sys.executable, "-m", "celery", "-A", "voice_notify", "flower"]
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 - ours
            command, stdout=output, stderr=output, cwd=ROOT, env=inherited | dict(environment) | options
        )
    made = Flower(port, log)
    try:
        assert eventually(lambda: _healthy(made)), log.read_text(encoding="utf-8")
        yield made
    finally:
        process.terminate()
        process.wait()


def _healthy(flower: Flower) -> bool:
    try:
        return flower.get("/healthcheck", None)[0] == http.client.OK
    except OSError:
        return False
