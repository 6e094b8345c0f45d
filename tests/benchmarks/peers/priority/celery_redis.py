"""Celery on Redis: a list for each of ten priorities, where 0 goes first."""

from __future__ import annotations

from collections.abc import Sequence

from tests.benchmarks.job import Job, redis_url
from tests.benchmarks.peers.priority.celery import enqueue, new_app, worker

app = new_app(
    redis_url(), broker_transport_options={"priority_steps": list(range(10)), "queue_order_strategy": "priority"}
)


def workers() -> list[list[str]]:
    """One worker."""
    return [worker(__name__)]


def submit(jobs: Sequence[Job]) -> None:
    """With the lowest priority."""
    enqueue(app, jobs, 9)


def submit_urgent(jobs: Sequence[Job]) -> None:
    """With the highest."""
    enqueue(app, jobs, 0)
