"""Celery on RabbitMQ: a queue with `x-max-priority`."""

from __future__ import annotations

from collections.abc import Sequence

from tests.benchmarks.job import Job, rabbitmq_url
from tests.benchmarks.peers.priority.celery import enqueue, new_app, worker

app = new_app(rabbitmq_url(), task_queue_max_priority=9)


def workers() -> list[list[str]]:
    """One worker."""
    return [worker(__name__)]


def submit(jobs: Sequence[Job]) -> None:
    """With the lowest priority."""
    enqueue(app, jobs, 0)


def submit_urgent(jobs: Sequence[Job]) -> None:
    """With the highest."""
    enqueue(app, jobs, 9)
