"""Celery with priorities: prefetch 1 and late acknowledgements, so that a worker holds no more than it works on.

Prefork, its default, with a process for each call in flight. Its `rate_limit` is left out: each task that has to wait
for it adds a timer that renews itself, and the worker's loop runs ten timers and then sleeps for up to a second. With
50 calls per second allowed, Celery 5.7 made 1 to 5 in these conditions.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from celery import Celery

from tests.benchmarks.job import CALLS_IN_FLIGHT, Job, caller

_TASK = "bench.call"
_PROCESSES = 2 * CALLS_IN_FLIGHT


def new_app(broker: str, **settings: object) -> Celery:
    """An application with the task."""
    app = Celery("bench", broker=broker)
    app.conf.update(
        task_ignore_result=True,
        task_acks_late=True,
        worker_prefetch_multiplier=1,
        broker_connection_retry_on_startup=True,
        **settings,
    )
    app.task(_call, name=_TASK)
    return app


def _call(*fields: str) -> None:
    """Do one job."""
    caller().run(Job(*fields))  # type: ignore[arg-type]


def worker(module: str) -> list[str]:
    """The command line of the worker."""
    options = ["--concurrency", str(_PROCESSES), "--without-gossip", "--without-mingle", "--without-heartbeat"]
    return [sys.executable, "-m", "celery", "-A", module, "worker", *options]


def enqueue(app: Celery, jobs: Sequence[Job], priority: int) -> None:
    """One `apply_async` for each."""
    call = app.tasks[_TASK]
    for job in jobs:
        call.apply_async(job, priority=priority)
