"""taskiq on RabbitMQ, on uvloop: a queue with `x-max-priority`, and a prefetch of no more than its tasks.

Its default, a quorum queue, has no such priorities in RabbitMQ 3.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from functools import cache

from taskiq_aio_pika import AioPikaBroker, Queue, QueueType

from tests.benchmarks.job import CALLS_IN_FLIGHT, Job, async_caller, rabbitmq_url

broker = AioPikaBroker(rabbitmq_url(), qos=CALLS_IN_FLIGHT, task_queues=[Queue(type=QueueType.CLASSIC, max_priority=9)])


@broker.task  # type: ignore[untyped-decorator, unused-ignore] # where taskiq is not installed
async def call(id_: str, mobile: str, template_id: str, params: list[str]) -> None:
    """Do one job."""
    await async_caller().run(Job(id_, mobile, template_id, params))


def workers() -> list[list[str]]:
    """One main process with two workers."""
    options = ["--workers", "2", "--max-async-tasks", str(CALLS_IN_FLIGHT), "--no-parse", "--log-level", "WARNING"]
    return [[sys.executable, "-m", "taskiq", "worker", f"{__name__}:broker", *options]]


def submit(jobs: Sequence[Job]) -> None:
    """One awaited `kiq` for each."""
    _loop().run(_submit(jobs, 0))


def submit_urgent(jobs: Sequence[Job]) -> None:
    """One awaited `kiq` for each."""
    _loop().run(_submit(jobs, 9))


async def _submit(jobs: Sequence[Job], priority: int) -> None:
    kicker = call.kicker().with_labels(priority=priority)
    for job in jobs:
        await kicker.kiq(*job)


@cache
def _loop() -> asyncio.Runner:
    loop = asyncio.Runner()
    loop.run(broker.startup())
    return loop
