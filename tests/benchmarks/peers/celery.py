"""Celery as one would write it without voice-notify: one message for each notification, prefork.

Its guide to optimizing: no results, a large prefetch for short tasks; no gossip, mingle and heartbeat where nobody
listens.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from celery import Celery

from tests.benchmarks.job import Job, caller, redis_url

app = Celery("bench", broker=redis_url())
app.conf.update(
    task_ignore_result=True,
    worker_prefetch_multiplier=64,
    worker_disable_rate_limits=True,
    broker_connection_retry_on_startup=True,
)


@app.task(name="bench.call")  # type: ignore[untyped-decorator] # celery has no types
def call(*fields: str) -> None:
    """Do one job."""
    caller().run(Job(*fields))  # type: ignore[arg-type]


def workers() -> list[list[str]]:
    """One main process with a pool of two."""
    options = ["--concurrency", "2", "--without-gossip", "--without-mingle", "--without-heartbeat"]
    return [[sys.executable, "-m", "celery", "-A", __name__, "worker", *options]]


def submit(jobs: Sequence[Job]) -> None:
    """One `delay` for each."""
    for job in jobs:
        call.delay(*job)
