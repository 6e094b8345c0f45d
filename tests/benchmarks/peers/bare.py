"""No queue: the practical limit. Two processes claim 32 jobs at a time from a list; Redis calls are pipelined.

A crash loses what was claimed, and nothing is retried.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.benchmarks.job import CALLS_IN_FLIGHT, LIMITS, RESULTS, WINDOW_SCRIPT, Caller, Job, caller, calls_key

_LIST = "bench:jobs"
_CLAIM = 32
_SUBMIT = 500
_IDLE_SECONDS = 0.005


def workers() -> list[list[str]]:
    """Two processes."""
    return [[sys.executable, "-m", "tests.benchmarks.peers.bare"]] * 2


def submit(jobs: Sequence[Job]) -> None:
    """Push them in chunks."""
    client = caller().redis
    for first in range(0, len(jobs), _SUBMIT):
        client.rpush(_LIST, *(json.dumps(job) for job in jobs[first : first + _SUBMIT]))


def call(to: Caller, window: str, threads: ThreadPoolExecutor, jobs: Sequence[Job]) -> None:
    """Do a chunk of jobs: check all, place the calls side by side, record all."""
    with to.redis.pipeline(transaction=False) as pipe:
        for job in jobs:
            pipe.evalsha(window, 1, calls_key(job), *LIMITS)
        if any(pipe.execute()):
            raise RuntimeError("a number is called twice")
    results = threads.map(to.post, jobs)
    to.redis.hset(RESULTS, mapping=dict(zip((job.id for job in jobs), results, strict=True)))


def _run() -> None:
    to = caller()
    window = to.redis.script_load(WINDOW_SCRIPT)
    with ThreadPoolExecutor(CALLS_IN_FLIGHT) as threads:
        while True:
            claimed: Any = to.redis.lpop(_LIST, _CLAIM)
            if claimed:
                call(to, window, threads, [Job(*json.loads(each)) for each in claimed])
            else:
                time.sleep(_IDLE_SECONDS)


if __name__ == "__main__":
    _run()
