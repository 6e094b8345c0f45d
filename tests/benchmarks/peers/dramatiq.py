"""Dramatiq with threads; no result backend."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from tests.benchmarks.job import CALLS_IN_FLIGHT, Job, caller, redis_url

dramatiq.set_broker(RedisBroker(url=redis_url()))  # type: ignore[no-untyped-call, unused-ignore]


@dramatiq.actor  # type: ignore[untyped-decorator, unused-ignore] # where dramatiq is not installed
def call(id_: str, mobile: str, template_id: str, params: list[str]) -> None:
    """Do one job."""
    caller().run(Job(id_, mobile, template_id, params))


def workers() -> list[list[str]]:
    """One master with two processes."""
    options = ["--processes", "2", "--threads", str(CALLS_IN_FLIGHT)]
    return [[sys.executable, "-m", "dramatiq", __name__, *options]]


def submit(jobs: Sequence[Job]) -> None:
    """One `send` for each."""
    for job in jobs:
        call.send(*job)
