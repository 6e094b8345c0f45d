"""The sandbox as a subprocess, and requests to it that are written by hand, not by the client under test."""

from __future__ import annotations

import hashlib
import http.client
import json
import select
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PATH = "/voice-notify/send-v2"
APP_ID = "sandbox"
APP_SECRET = "sandbox-secret"
START_SECONDS = 30
PATIENCE_SECONDS = 20


def signed_form(mobile: str, *, timestamp_ms: int | None = None) -> dict[str, str]:
    """The fields of a request that keeps every rule; its timestamp is now, where none is given."""
    timestamp = str(time.time_ns() // 1_000_000 if timestamp_ms is None else timestamp_ms)
    sign = hashlib.sha256(f"{APP_ID}{APP_SECRET}{timestamp}".encode()).hexdigest()
    account = {"appId": APP_ID, "timestamp": timestamp, "sign": sign}
    return account | {"mobile": mobile, "templateId": "453662", "param": "张三,3号楼"}


def eventually(condition: Callable[[], bool]) -> bool:
    """Whether `condition` comes true before patience ends."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (holds := condition()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return holds


class RunningSandbox:
    """A sandbox on a free port of the loopback interface; `log` is what it wrote to stderr, once it has ended."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.process = process
        self.port = port
        self.log = ""
        self.url = f"http://127.0.0.1:{port}{PATH}"

    def open(self, method: str, path: str, body: str | None, content_type: str) -> http.client.HTTPConnection:
        """Send a request on a connection of its own, without waiting for the reply."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        connection.request(method, path, body, {"Content-Type": content_type})
        return connection

    def send(self, mobile: str, **changes: str) -> http.client.HTTPConnection:
        """Send a well-formed request for a call, but for `changes`, without waiting for the reply."""
        form = urlencode(signed_form(mobile) | changes)
        return self.open("POST", PATH, form, "application/x-www-form-urlencoded")

    def call(self, mobile: str, **changes: str) -> dict[str, Any]:
        """The JSON reply to a well-formed request, but for `changes`."""
        connection = self.send(mobile, **changes)
        try:
            return dict(json.load(connection.getresponse()))
        finally:
            connection.close()

    def ask(self, method: str, path: str, document: object = None) -> tuple[int, Any]:
        """The HTTP status and JSON (None if there is no body) of one of the tester's routes, such as `/calls`."""
        connection = self.open(method, f"/sandbox{path}", json.dumps(document), "application/json")
        try:
            response = connection.getresponse()
            body = response.read()
        finally:
            connection.close()
        return response.status, json.loads(body) if body else None

    def get(self, path: str) -> Any:  # noqa: ANN401 - JSON, a list or an object
        """The JSON of one of the tester's read-only routes."""
        return self.ask("GET", path)[1]


@contextmanager
def run_sandbox(*options: str) -> Iterator[RunningSandbox]:
    """`python -m voice_notify.sandbox` with `options`, ended when the block is left."""
    command = [sys.executable, "-m", "voice_notify.sandbox", "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:  # noqa: S603
        try:
            sandbox = RunningSandbox(process, _announced_port(process))
            yield sandbox
            process.terminate()
            sandbox.log = process.communicate(timeout=PATIENCE_SECONDS)[1]
        finally:
            process.kill()


def _announced_port(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    readable, _, _ = select.select([process.stdout], [], [], START_SECONDS)
    line = process.stdout.readline() if readable else ""
    assert line.startswith("sandbox listening on http://127.0.0.1:"), line
    return int(line.split(":")[2].partition("/")[0])
