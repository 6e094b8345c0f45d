"""For asyncio: what an application calls, run in threads, so that the event loop goes on meanwhile."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import cache, partial
from typing import ParamSpec, TypeVar

from voice_notify.accounts import current_account
from voice_notify.errors import StoreUnavailable

P = ParamSpec("P")
T = TypeVar("T")

#: At once; each has a connection to Redis. Of their own: those of the event loop look up names for everybody.
_THREADS = 32


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_THREADS, "voice-notify")


# A child has none of its parent's threads, and would wait for them for ever.
os.register_at_fork(after_in_child=_threads.cache_clear)


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What `function` returns or raises; `StoreUnavailable` too if it had no turn within `store_timeout`.

    That is so when Redis does not answer those before it. If the awaiting task is cancelled, a function that has begun
    goes on to its end.
    """
    latest = time.monotonic() + current_account().settings.store_timeout

    def run() -> T:
        if time.monotonic() > latest:
            raise StoreUnavailable("Redis cannot be used: those before this one had no answer within store_timeout")
        return function(*args, **kwargs)

    return await asyncio.get_running_loop().run_in_executor(_threads(), partial(copy_context().run, run))
