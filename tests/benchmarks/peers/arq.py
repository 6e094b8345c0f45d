"""arq with many jobs at a time, no kept results, and a poll that does not make it wait; on uvloop."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from functools import cache

from arq import create_pool
from arq.connections import ArqRedis, RedisSettings

from tests.benchmarks.job import Job, async_caller, redis_url


async def call(_context: object, *fields: str) -> None:
    """Do one job."""
    await async_caller().run(Job(*fields))  # type: ignore[arg-type]


class WorkerSettings:
    """What `arq` reads."""

    functions = (call,)
    redis_settings = RedisSettings.from_dsn(redis_url())
    max_jobs = 100
    poll_delay = 0.01
    keep_result = 0
    log_results = False


def workers() -> list[list[str]]:
    """Two workers."""
    return [[sys.executable, "-m", "arq", f"{__name__}.WorkerSettings"]] * 2


def submit(jobs: Sequence[Job]) -> None:
    """One awaited `enqueue_job` for each."""
    loop, pool = _connection()
    loop.run(_submit(pool, jobs))


async def _submit(pool: ArqRedis, jobs: Sequence[Job]) -> None:
    for job in jobs:
        await pool.enqueue_job("call", *job)


@cache
def _connection() -> tuple[asyncio.Runner, ArqRedis]:
    loop = asyncio.Runner()
    return loop, loop.run(create_pool(WorkerSettings.redis_settings))
