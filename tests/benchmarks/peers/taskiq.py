"""taskiq on uvloop with the list broker of taskiq-redis, the one without acknowledgements; no result backend."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from functools import cache

from taskiq_redis import ListQueueBroker

from tests.benchmarks.job import Job, async_caller, redis_url

broker = ListQueueBroker(redis_url())


@broker.task  # type: ignore[untyped-decorator, unused-ignore] # where taskiq is not installed
async def call(id_: str, mobile: str, template_id: str, params: list[str]) -> None:
    """Do one job."""
    await async_caller().run(Job(id_, mobile, template_id, params))


def workers() -> list[list[str]]:
    """One main process with two workers."""
    options = ["--workers", "2", "--no-parse", "--log-level", "WARNING"]
    return [[sys.executable, "-m", "taskiq", "worker", f"{__name__}:broker", *options]]


def submit(jobs: Sequence[Job]) -> None:
    """One awaited `kiq` for each."""
    _loop().run(_submit(jobs))


async def _submit(jobs: Sequence[Job]) -> None:
    for job in jobs:
        await call.kiq(*job)


@cache
def _loop() -> asyncio.Runner:
    loop = asyncio.Runner()
    loop.run(broker.startup())
    return loop
