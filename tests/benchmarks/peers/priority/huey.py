"""Huey's queue with priorities, a sorted set in Redis; otherwise as in `peers/huey.py`.

Its rate limit counts the calls of each second; what is too much is enqueued again in the next.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from huey import PriorityRedisHuey

from tests.benchmarks.job import CALLS_IN_FLIGHT, Job, caller, calls_per_second, redis_url

huey = PriorityRedisHuey("bench", url=redis_url(), results=False)


def _call(id_: str, mobile: str, template_id: str, params: list[str]) -> None:
    """Do one job."""
    caller().run(Job(id_, mobile, template_id, params))


_rate = calls_per_second()
call = huey.task()(huey.rate_limit("calls", _rate, 1)(_call) if _rate else _call)


def workers() -> list[list[str]]:
    """Two consumers."""
    options = ["--workers", str(CALLS_IN_FLIGHT), "--worker-type", "thread", "--no-periodic", "--quiet"]
    return [[sys.executable, "-m", "huey.bin.huey_consumer", f"{__name__}.huey", *options]] * 2


def submit(jobs: Sequence[Job]) -> None:
    """One call for each."""
    for job in jobs:
        call(*job)


def submit_urgent(jobs: Sequence[Job]) -> None:
    """One call for each."""
    for job in jobs:
        call(*job, priority=9)
