"""How a notification becomes a call: begin → send → decide → settle."""

from __future__ import annotations

import queue
import random
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import count
from typing import Protocol

from voice_notify.core.outcome import Outcome
from voice_notify.core.policy import RetryPolicy, decide
from voice_notify.logs import get_logger
from voice_notify.provider.client import Call
from voice_notify.settler import Observer, Settler
from voice_notify.store.ledger import Grant, Ledger, Settlement

log = get_logger(__name__)

#: How long a ring waits for free slots (seconds).
_PATIENCE = 1.0
#: How long it waits for more of them where few are free (seconds).
_GATHER = 0.002


class Provider(Protocol):
    """Places calls; `provider.client.ProviderClient` in production."""

    def place_call(self, call: Call, *, timestamp_ms: int, send_by: float) -> Outcome:
        """The outcome of one call, whose request goes on the wire before `send_by` (`time.monotonic()`) or never."""

    def close(self) -> None:
        """Close the connections."""


class Slots:
    """Counts the calls in flight of one process; one thread takes, many give back."""

    def __init__(self, total: int) -> None:
        self._total = self._free = total
        self._wanted = 0
        self._changed = threading.Condition()

    def take(self, most: int, until: float) -> int:
        """Take as many free slots as there are, at most `most`; none if none is free by `until` (`time.monotonic`).

        Where few are free it waits a moment for more, so that one round trip begins several calls.
        """
        with self._changed:
            self._wait_for(1, until - time.monotonic())
            self._wait_for(min(most, (self._total + 1) // 2), _GATHER if self._free else 0)
            taken = min(most, self._free)
            self._free -= taken
            return taken

    def give_back(self, count: int = 1) -> None:
        """Return slots."""
        with self._changed:
            self._free += count
            if self._free >= self._wanted:
                self._changed.notify_all()

    def wait_until_free(self) -> None:
        """Wait until no call is in flight."""
        with self._changed:
            self._wait_for(self._total, None)

    def _wait_for(self, free: int, seconds: float | None) -> None:
        self._wanted = free
        self._changed.wait_for(lambda: self._free >= free, seconds)


class Delivery:
    """Places the calls of one worker process, `calls_in_flight` at a time.

    A call outlives the Celery task that began it: a slow one holds up neither the others of its ring nor the next ring.
    """

    def __init__(  # noqa: PLR0913 - what a process delivers with
        self,
        ledger: Ledger,
        provider: Provider,
        policy: RetryPolicy,
        *,
        calls_in_flight: int,
        observer: Observer | None = None,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self.ledger = ledger
        self._provider = provider
        self._policy = policy
        self._slots = Slots(calls_in_flight)
        # Plain threads: a pool of futures, which nobody waits for, costs as much as half a round trip to Redis.
        self._begun: queue.SimpleQueue[tuple[Grant, float] | None] = queue.SimpleQueue()
        self._threads = [threading.Thread(target=self._run, name="call", daemon=True) for _ in range(calls_in_flight)]
        for thread in self._threads:
            thread.start()
        self._observer = observer
        self._stopping = stopping
        self._settler = Settler(ledger, observer)
        self._new_token = _tokens()

    def deliver(self, ids: Sequence[str]) -> int:
        """Begin the calls that are next in the lines of `ids`, as slots come free; how many were granted.

        What found no slot within `_PATIENCE`, or a worker that stops, is given back and due again at once: the ring
        does not outlast a slow provider, nor a stop.
        """
        waiting, granted, until = deque(ids), 0, time.monotonic() + _PATIENCE
        while waiting:
            taken = self._slots.take(len(waiting), until)
            if self._stopping():
                self._slots.give_back(taken)
                taken = 0
            if not taken:
                self.ledger.give_back(list(waiting))
                break
            asked_at = time.monotonic()
            grants = self._begin([waiting.popleft() for _ in range(taken)])
            self._slots.give_back(taken - len(grants))
            granted += len(grants)
            for grant in grants:
                self._begun.put((grant, asked_at))
        return granted

    def close(self) -> None:
        """Finish the calls that are in flight and settle them."""
        self._slots.wait_until_free()
        for _ in self._threads:
            self._begun.put(None)
        for thread in self._threads:
            thread.join()
        self._settler.close()
        self._provider.close()

    def _begin(self, ids: Sequence[str]) -> list[Grant]:
        try:
            grants = self.ledger.begin([(id_, self._new_token()) for id_ in ids])
        except Exception:
            # Those that may have been granted all the same are settled when their lease runs out.
            self._slots.give_back(len(ids))
            raise
        granted = [grant for grant in grants if grant is not None]
        if self._observer:
            self._observer.begun(granted)
        return granted

    def _run(self) -> None:
        while begun := self._begun.get():
            self._place(*begun)

    def _place(self, grant: Grant, asked_at: float) -> None:
        def redis_now() -> int:
            return grant.now_ms + round((time.monotonic() - asked_at) * 1000)

        log.info("calling", id=grant.id, mobile=grant.mobile, attempt=grant.attempt.attempts)
        try:
            call = Call(grant.mobile, grant.template_id, grant.params)
            send_by = asked_at + grant.send_within_ms / 1000
            sent_at = redis_now()
            outcome = self._provider.place_call(call, timestamp_ms=sent_at, send_by=send_by)
            ended_at = redis_now()
            step = decide(outcome, grant.attempt, self._policy, ended_at, random.random())  # noqa: S311 - jitter
            took_ms = ended_at - sent_at if outcome.was_sent else None
            self._settler.put(Settlement(grant.id, grant.token, outcome, step, took_ms))
            log.info(
                "call ended",
                id=grant.id,
                mobile=grant.mobile,
                attempt=grant.attempt.attempts,
                code=outcome.code,
                state=step.state,
                reason=step.reason,
            )
        except Exception:
            # A fault of ours. The lease runs out, and the attempt counts as unconfirmed.
            log.exception("call failed", id=grant.id)
        finally:
            self._slots.give_back()


def _tokens() -> Callable[[], str]:
    """Attempt tokens that no other process makes."""
    process, number = secrets.token_hex(6), count()
    return lambda: f"{process}-{next(number)}"
