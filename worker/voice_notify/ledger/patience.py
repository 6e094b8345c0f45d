"""How long an operation on Redis may take in all, whatever happens to it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from redis.backoff import ExponentialWithJitterBackoff
from redis.retry import Retry

#: Most attempts after the first, where each fails at once.
_RETRIES = 3


class RetryInTime(Retry):
    """redis-py's retries, but for one that could end too late.

    An operation that opens its connection first counts as one: redis-py retries each of the two by itself, so that a
    Redis that accepts and never answers would be waited for sixteen times.
    """

    def __init__(self, in_all_s: float, attempt_s: float) -> None:
        super().__init__(ExponentialWithJitterBackoff(base=0.05, cap=0.5), _RETRIES)
        self._in_all_s = in_all_s
        self._attempt_s = attempt_s
        self._began: float | None = (
            None  # of the outermost operation; a connection, and its `Retry`, serves one at a time
        )

    def call_with_retry(self, do: Callable[[], Any], fail: Callable[..., Any], *args: Any, **options: Any) -> Any:  # noqa: ANN401 - redis-py's
        """Do it, and again if it fails, while another attempt would end in time."""
        is_outermost = self._began is None
        began = self._began = time.monotonic() if self._began is None else self._began

        def fail_in_time(error: Exception, *more: Any) -> None:  # noqa: ANN401 - redis-py's
            fail(error, *more)
            if time.monotonic() - began + self._attempt_s > self._in_all_s:
                raise error

        try:
            return super().call_with_retry(do, fail_in_time, *args, **options)
        finally:
            if is_outermost:
                self._began = None


def attempt_timeout(in_all_s: float) -> float:
    """How long each wait for Redis may take, so that a second attempt still ends in time."""
    return 0.45 * in_all_s
