"""Child processes that write to a log, and are stopped with the block that started them."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from voice_notify.errors import VoiceNotifyError

_START_TIMEOUT_S = 30.0
_STOP_TIMEOUT_S = 10.0
_POLL_INTERVAL_S = 0.02
_LOG_LINES_SHOWN = 15


class ProcessFailed(VoiceNotifyError):
    """A process ended, or was not ready in time; the message has the last lines of its log."""


class Process:
    """A child process that writes to `log`, in a session of its own: Ctrl-C reaches the parent, which stops it."""

    def __init__(self, name: str, command: Sequence[str], log: Path) -> None:
        self._name = name
        self._log = log
        with log.open("ab") as output:
            self._child = subprocess.Popen(  # noqa: S603 - a command of ours
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )

    def output(self) -> str:
        """Return what it has written so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def check(self) -> None:
        """Raise `ProcessFailed` if it has ended."""
        if self._child.poll() is not None:
            raise self._failure(f"ended with status {self._child.returncode}")

    def wait_until(self, ready: Callable[[], bool]) -> None:
        """Return as soon as `ready()` is true. Raises `ProcessFailed` if the process ends first or takes too long."""
        until = time.monotonic() + _START_TIMEOUT_S
        while not ready():
            self.check()
            if time.monotonic() > until:
                raise self._failure(f"was not ready after {_START_TIMEOUT_S:g} s")
            time.sleep(_POLL_INTERVAL_S)

    def stop(self) -> None:
        """Terminate it and wait until it is gone; kill it, with its children, if that takes too long."""
        self._child.terminate()
        try:
            self._child.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            pass
        finally:  # also when a second Ctrl-C ends the wait
            if self._child.poll() is None:
                os.killpg(self._child.pid, signal.SIGKILL)
                self._child.wait()

    def _failure(self, what: str) -> ProcessFailed:
        last = self.output().splitlines()[-_LOG_LINES_SHOWN:]
        return ProcessFailed("\n".join([f"{self._name} {what}; the end of its log:", *last]))


@contextmanager
def run_process(name: str, command: Sequence[str], log: Path) -> Iterator[Process]:
    """Run `command` until the block is left. `name` is what messages call it."""
    process = Process(name, command, log)
    try:
        yield process
    finally:
        process.stop()
