"""The job that every peer does: check the number's windows, sign, POST, record the result.

Each of the two clients below is made in the worker process that uses it, on first use, and kept: Redis and HTTP
connections stay open between jobs.
"""

from __future__ import annotations

import hashlib
import os
import time
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

#: Where `tests` can be imported from.
ROOT = Path(__file__).parents[2]
APP_ID = "bench"
APP_SECRET = "bench-secret"
#: The windows of one number (PROVIDER.md, Rules of use) with half a second of guard: gap, calls, window; milliseconds.
LIMITS = (30_500, 5, 86_400_500)
#: Hash: the result of each job, by its id.
RESULTS = "bench:results"
CALLS_IN_FLIGHT = 16
TIMEOUTS = (3, 10)

WINDOW_SCRIPT = (Path(__file__).parent / "window.lua").read_text(encoding="utf-8")


class Job(NamedTuple):
    """One notification."""

    id: str
    mobile: str
    template_id: str
    params: list[str]


def redis_url() -> str:
    """The Redis server of this run."""
    return os.environ["BENCH_REDIS_URL"]


def provider_url() -> str:
    """The provider of this run."""
    return os.environ["BENCH_PROVIDER_URL"]


def rabbitmq_url() -> str:
    """The RabbitMQ server of this run."""
    return os.environ["BENCH_RABBITMQ_URL"]


def calls_per_second() -> int | None:
    """The rate limit of this run."""
    return int(os.environ.get("BENCH_CALLS_PER_SECOND", "0")) or None


def calls_key(job: Job) -> str:
    """Where the call_times of a number's newest calls are kept."""
    return f"bench:calls:{job.mobile}"


def form(job: Job) -> dict[str, str]:
    """The signed request (PROVIDER.md, Request)."""
    timestamp = str(time.time_ns() // 1_000_000)
    return {
        "appId": APP_ID,
        "timestamp": timestamp,
        "sign": hashlib.sha256(f"{APP_ID}{APP_SECRET}{timestamp}".encode()).hexdigest(),
        "mobile": job.mobile,
        "templateId": job.template_id,
        "param": ",".join(job.params),
    }


def result(reply: dict[str, Any]) -> str:
    """What is recorded of the provider's reply."""
    return f"{reply['code']} {reply['data']['callId']}"


class Caller:
    """The job's two edges for code that blocks; one serves many threads."""

    def __init__(self) -> None:
        import redis  # noqa: PLC0415 - an asyncio peer has no use for these
        import requests  # noqa: PLC0415
        from requests.adapters import HTTPAdapter  # noqa: PLC0415

        self.redis = redis.Redis.from_url(redis_url(), decode_responses=True, protocol=2)
        self.window = self.redis.register_script(WINDOW_SCRIPT)
        self._url = provider_url()
        self._session = requests.Session()
        self._session.trust_env = False  # no look for proxies and .netrc at each request
        self._session.mount("http://", HTTPAdapter(pool_maxsize=CALLS_IN_FLIGHT))

    def run(self, job: Job) -> None:
        """Do the job."""
        if self.window([calls_key(job)], LIMITS):
            raise RuntimeError(f"{job.mobile} is called twice")
        self.redis.hset(RESULTS, job.id, self.post(job))

    def post(self, job: Job) -> str:
        """Place the call; what is to be recorded."""
        with self._session.post(self._url, data=form(job), timeout=TIMEOUTS) as response:
            return result(response.json())


class AsyncCaller:
    """The same for asyncio."""

    def __init__(self) -> None:
        import aiohttp  # noqa: PLC0415 - a peer with threads has no use for these
        import redis.asyncio  # noqa: PLC0415

        self._redis = redis.asyncio.Redis.from_url(redis_url(), decode_responses=True, protocol=2)
        self._window = self._redis.register_script(WINDOW_SCRIPT)
        self._url = provider_url()
        timeout = aiohttp.ClientTimeout(sock_connect=TIMEOUTS[0], sock_read=TIMEOUTS[1])
        self._session = aiohttp.ClientSession(timeout=timeout)

    async def run(self, job: Job) -> None:
        """Do the job."""
        if await self._window([calls_key(job)], LIMITS):
            raise RuntimeError(f"{job.mobile} is called twice")
        async with self._session.post(self._url, data=form(job)) as response:
            recorded = result(await response.json())
        await self._redis.hset(RESULTS, job.id, recorded)


@cache
def caller() -> Caller:
    """The caller of this process."""
    return Caller()


@cache
def async_caller() -> AsyncCaller:
    """The caller of this process, made in its event loop."""
    return AsyncCaller()
