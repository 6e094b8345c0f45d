"""A real Celery worker, a main process and its pool, that tests start, stop, freeze and kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from voice_notify.ledger.scripts import Scripts

#: Where `tests` can be imported from.
ROOT = Path(__file__).parents[2]
PROCESSES = 2

#: The application as users start it, and the one of `tests/support/crashing_app.py`.
APP = "voice_notify"
CRASHING_APP = "tests.support.crashing_app"
STOP_SECONDS = 30

#: The ids of messages that kill each process of the crashing application that handles them, or find no memory there.
KILLER, HUNGRY = "killer", "hungry"


def impatient(scripts: Scripts) -> Scripts:
    """The crashing application's scripts: it notices a lost call soon, to spare the tests the wait."""
    rules = scripts.rules
    return replace(scripts, rules=replace(rules, lease_ms=rules.lease_ms - 1500))


class Worker:
    """`celery -A <app> worker` in a process group of its own; `name` tells it from others, `log` is what it writes."""

    def __init__(
        self, name: str, environment: Mapping[str, str], log: Path, app: str, options: Sequence[str] = ()
    ) -> None:
        self.name = name
        self.log = log
        command = [
            *(sys.executable, "-m", "celery", "-A", app, "worker", "-n", name, "-c", str(PROCESSES)),
            *("--without-gossip", "--without-mingle", "--loglevel", "INFO", *options),
        ]
        with log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - the worker
                command, stdout=output, stderr=output, env=environment, cwd=ROOT, start_new_session=True
            )

    @property
    def running(self) -> bool:
        """Whether its main process lives."""
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        """The process id of its main process."""
        return self._process.pid

    def children(self) -> list[int]:
        """The process ids of its pool."""
        pid = self._process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]

    def signal_children(self, number: int) -> None:
        """Send a signal to every process of the pool; one that has just ended needs none."""
        for child in self.children():
            try:
                os.kill(child, number)
            except ProcessLookupError:
                continue

    def freeze(self) -> None:
        """Stop the processes of its pool where they are."""
        self.signal_children(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let them go on."""
        self.signal_children(signal.SIGCONT)

    def stop(self) -> int:
        """End it as an operator would, by SIGTERM to its main process; its exit code."""
        self._process.terminate()
        return self._process.wait(STOP_SECONDS)

    def terminate_group(self) -> None:
        """Send SIGTERM to its whole process group, where that still exists."""
        try:
            os.killpg(self._process.pid, signal.SIGTERM)
        except ProcessLookupError:
            return

    def interrupt(self) -> int:
        """End it by Ctrl-C, of which the terminal tells the whole process group; its exit code."""
        os.killpg(self._process.pid, signal.SIGINT)
        return self._process.wait(STOP_SECONDS)

    def kill(self) -> None:
        """End the main process and its pool at once, with SIGKILL."""
        if self.running:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
