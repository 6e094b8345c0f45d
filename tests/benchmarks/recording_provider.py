"""A provider that notes the time of each request's arrival and can take its time: the stopwatch of latencies.

As a process of its own: `python -m tests.benchmarks.recording_provider DELAY`, which prints its port. `GET /seen` tells
what was seen since the last time; after a `GET /hang` the next call is never answered; after a `GET /delay/0.3/0.5`
every call takes 0.3 s, give or take up to a half.
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import time
import urllib.request
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import parse_qs

from tests.benchmarks.replies import ACCEPTED


@dataclass(frozen=True, slots=True)
class Seen:
    """What arrived, by mobile number; seconds since the epoch."""

    arrivals: dict[str, float]
    last_reply: float
    most_in_flight: int


class RecordingProvider:
    """The process, and what it saw."""

    name = "a Python server (asyncio) with a fixed reply"

    def __init__(self, delay: float = 0.0) -> None:
        command = [sys.executable, "-m", __name__, str(delay)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - ourselves
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        self.url = f"http://127.0.0.1:{self.port}/voice-notify/send-v2"

    def seen(self) -> Seen:
        """What was seen since the last time."""
        return Seen(**self._get("/seen"))

    def hang_next(self) -> None:
        """Never answer the next call."""
        self._get("/hang")

    def reply_after(self, seconds: float, spread: float = 0.0) -> None:
        """Take so long to reply to each new call; with a `spread` of 0.5, from half to one and a half times as long."""
        self._get(f"/delay/{seconds}/{spread}")

    def _get(self, path: str) -> Any:  # noqa: ANN401 - JSON
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}") as reply:
            return json.load(reply)

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait()


class _Record:
    def __init__(self, delay: float) -> None:
        self.delay, self.spread = delay, 0.0
        self.arrivals: dict[str, float] = {}
        self.last_reply = 0.0
        self.in_flight = self.most_in_flight = 0
        self.hang_next = False

    def take(self) -> Seen:
        """Everything since the last time."""
        seen = Seen(self.arrivals, self.last_reply, self.most_in_flight)
        self.arrivals, self.most_in_flight = {}, self.in_flight
        return seen

    def draw_delay(self) -> float:
        """How long the next reply takes."""
        return self.delay * random.uniform(1 - self.spread, 1 + self.spread)  # noqa: S311 - not for secrets


class _Connection(asyncio.Protocol):
    """One kept-alive connection; a client sends its next request after the reply to the last."""

    def __init__(self, record: _Record) -> None:
        self._record = record
        self._received = b""

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401 - asyncio's
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        now = time.time()
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        if not end or len(body) < _content_length(head):
            return
        self._received = b""
        if head.startswith(b"GET /seen"):
            self._write(json.dumps(asdict(self._record.take())).encode())
        elif head.startswith(b"GET /hang"):
            self._record.hang_next = True
            self._write(b"null")
        elif head.startswith(b"GET /delay/"):
            self._record.delay, self._record.spread = (float(each) for each in head.split()[1].split(b"/")[2:])
            self._write(b"null")
        else:
            self._call(parse_qs(body.decode())["mobile"][0], now)

    def _call(self, mobile: str, now: float) -> None:
        record = self._record
        record.arrivals[mobile] = now
        record.in_flight += 1
        record.most_in_flight = max(record.most_in_flight, record.in_flight)
        if record.hang_next:
            record.hang_next = False
        elif record.delay:
            asyncio.get_running_loop().call_later(record.draw_delay(), self._accept)
        else:
            self._accept()

    def _accept(self) -> None:
        self._record.in_flight -= 1
        self._record.last_reply = time.time()
        self._write(ACCEPTED)

    def _write(self, body: bytes) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self._transport.write(head.encode() + body)


def _content_length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


async def _serve(delay: float) -> None:
    record = _Record(delay)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(record), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201 - for who started it
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(float(sys.argv[1])))
