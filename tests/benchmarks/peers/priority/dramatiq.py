"""Dramatiq on RabbitMQ, with threads: a queue with `x-max-priority`, and a prefetch of no more than its threads."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import dramatiq
from dramatiq.brokers.rabbitmq import RabbitmqBroker

from tests.benchmarks.job import CALLS_IN_FLIGHT, Job, caller, rabbitmq_url

dramatiq.set_broker(RabbitmqBroker(url=rabbitmq_url(), max_priority=9))  # type: ignore[no-untyped-call, unused-ignore]


@dramatiq.actor  # type: ignore[untyped-decorator, unused-ignore] # where dramatiq is not installed
def call(id_: str, mobile: str, template_id: str, params: list[str]) -> None:
    """Do one job."""
    caller().run(Job(id_, mobile, template_id, params))


def workers() -> list[list[str]]:
    """One master with two processes."""
    prefetch = ["env", f"dramatiq_queue_prefetch={CALLS_IN_FLIGHT}"]
    options = ["--processes", "2", "--threads", str(CALLS_IN_FLIGHT)]
    return [[*prefetch, sys.executable, "-m", "dramatiq", __name__, *options]]


def submit(jobs: Sequence[Job]) -> None:
    """One `send` for each."""
    for job in jobs:
        call.send(*job)


def submit_urgent(jobs: Sequence[Job]) -> None:
    """One `send_with_options` for each."""
    for job in jobs:
        call.send_with_options(args=job, broker_priority=9)
