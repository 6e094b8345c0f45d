"""Huey with threads, no stored results, no periodic tasks, minimal logging."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from huey import RedisHuey

from tests.benchmarks.job import CALLS_IN_FLIGHT, Job, caller, redis_url

huey = RedisHuey("bench", url=redis_url(), results=False)


@huey.task()  # type: ignore[untyped-decorator] # huey has no types
def call(id_: str, mobile: str, template_id: str, params: list[str]) -> None:
    """Do one job."""
    caller().run(Job(id_, mobile, template_id, params))


def workers() -> list[list[str]]:
    """Two consumers."""
    options = ["--workers", str(CALLS_IN_FLIGHT), "--worker-type", "thread", "--no-periodic", "--quiet"]
    return [[sys.executable, "-m", "huey.bin.huey_consumer", f"{__name__}.huey", *options]] * 2


def submit(jobs: Sequence[Job]) -> None:
    """One call for each."""
    for job in jobs:
        call(*job)
