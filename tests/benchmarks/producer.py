"""The one process that submits. It reads a count per line, submits as many new numbers, and tells when.

As a process of its own: `python -m tests.benchmarks.producer NAME FIRST`, where the numbers count from FIRST. With
`urgent` behind that, they go ahead of all others.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count

from tests.benchmarks.job import ROOT, Job
from tests.benchmarks.peers import load, load_urgent

_CHUNK = 100_000


@dataclass(frozen=True, slots=True)
class Submitted:
    """One command's work."""

    started: float  #: `time.monotonic()`, which all processes share
    ended: float
    cpu: float  #: seconds

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.ended - self.started


class Producer:
    """The process, seen from the harness."""

    def __init__(
        self, python: str, name: str, environment: Mapping[str, str], *, first: int = 0, urgent: bool = False
    ) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - ourselves
            [python, "-m", __name__, name, str(first), *(["urgent"] if urgent else [])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=ROOT,
        )

    def submit(self, number: int) -> Submitted:
        """Submit so many; returns when the last is submitted."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        print(number, file=stdin, flush=True)
        line = stdout.readline()
        if not line:
            raise RuntimeError("the producer ended")
        return Submitted(**json.loads(line))

    def stop(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()


def mobile_of(number: int) -> str:
    """The mobile number of the notification with this number."""
    return str(13_000_000_000 + number)


def _serve(name: str, first: int, *, urgent: bool) -> None:
    submit, numbers = load_urgent(name).submit_urgent if urgent else load(name).submit, count(first)
    for line in sys.stdin:
        started = ended = cpu = 0.0
        left = int(line)
        while left:
            jobs = [_job(next(numbers)) for _ in range(min(left, _CHUNK))]
            left -= len(jobs)
            before, cpu_before = time.monotonic(), time.process_time()
            submit(jobs)
            ended, cpu = time.monotonic(), cpu + time.process_time() - cpu_before
            started = started or before
        print(json.dumps({"started": started, "ended": ended, "cpu": cpu}), flush=True)  # noqa: T201 - to the harness


def _job(number: int) -> Job:
    return Job(f"{number:032x}", mobile_of(number), "453662", ["张三", "3号楼"])


if __name__ == "__main__":
    _serve(sys.argv[1], int(sys.argv[2]), urgent="urgent" in sys.argv[3:])
