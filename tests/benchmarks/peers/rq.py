"""RQ with `SimpleWorker`, which its notes on performance name for very short jobs: no fork; no kept results."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cache

import redis
from rq import Queue

from tests.benchmarks.job import Job, caller, redis_url


def call(id_: str, mobile: str, template_id: str, params: list[str]) -> None:
    """Do one job."""
    caller().run(Job(id_, mobile, template_id, params))


def workers() -> list[list[str]]:
    """A pool of two."""
    options = ["--num-workers", "2", "--worker-class", "rq.SimpleWorker", "--url", redis_url(), "--quiet"]
    return [[sys.executable, "-m", "rq.cli", "worker-pool", "bench", *options]]


def submit(jobs: Sequence[Job]) -> None:
    """One `enqueue` for each."""
    queue = _queue()
    for job in jobs:
        queue.enqueue(call, *job, result_ttl=0)


@cache
def _queue() -> Queue:
    return Queue("bench", connection=redis.Redis.from_url(redis_url()))
