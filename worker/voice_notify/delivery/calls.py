"""How a notification becomes a call: grant → send → decide → settle."""

from __future__ import annotations

import random
import secrets
import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import count
from typing import NamedTuple, Protocol

from voice_notify.concurrency.background import Background
from voice_notify.delivery.settlement import Observer, Settler
from voice_notify.delivery.slots import Slots
from voice_notify.domain.outcome import Outcome
from voice_notify.domain.retry import RetryPolicy, decide
from voice_notify.errors import LedgerDamaged
from voice_notify.ledger.ledger import Grant, Ledger, Settlement
from voice_notify.monitoring.logs import get_logger
from voice_notify.provider.client import Call

log = get_logger(__name__)

#: How long a wake-up waits for free slots.
_SLOT_WAIT_S = 1.0


class Provider(Protocol):
    """Places calls; `provider.client.ProviderClient` in production."""

    def place_call(self, call: Call, *, timestamp_ms: int, send_by: float) -> Outcome:
        """The outcome of one call, whose request goes on the wire before `send_by` (`time.monotonic()`) or never."""

    def close(self) -> None:
        """Close the connections."""


class _Begun(NamedTuple):
    """A call that was granted, and the `time.monotonic()` just before the grant was asked for."""

    grant: Grant
    asked_at: float


class Calls:
    """The calls of one worker process, `calls_in_flight` at a time.

    A call outlives the Celery task that began it: a slow one holds up neither the others of its wake-up nor the next
    wake-up.
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
        self._ledger = ledger
        self._provider = provider
        self._policy = policy
        self._slots = Slots(calls_in_flight)
        self._begun: Background[_Begun] = Background("call", self._place_each, threads=calls_in_flight)
        self._observer = observer
        self._stopping = stopping
        self._settler = Settler(ledger, observer)
        self._new_token = _tokens()

    def start(self, ids: Sequence[str]) -> int:
        """Begin the calls that are next in the lines of `ids`, as slots come free. Returns the number granted.

        What found no slot within `_SLOT_WAIT_S`, or a worker that stops, is given back and due again at once: a wake-up
        does not outlast a slow provider, nor a stop.
        """
        waiting, granted, until = deque(ids), 0, time.monotonic() + _SLOT_WAIT_S
        while waiting:
            taken = self._slots.take(len(waiting), until)
            if self._stopping():
                self._slots.give_back(taken)
                taken = 0
            if not taken:
                self._ledger.give_back(list(waiting))
                break
            asked_at = time.monotonic()
            grants = self._begin([waiting.popleft() for _ in range(taken)])
            self._slots.give_back(taken - len(grants))
            granted += len(grants)
            for grant in grants:
                self._begun.put(_Begun(grant, asked_at))
        return granted

    def close(self) -> None:
        """Finish the calls that are in flight and settle them."""
        self._slots.wait_until_free()
        self._begun.close()
        self._settler.close()
        self._provider.close()

    def _begin(self, ids: Sequence[str]) -> list[Grant]:
        try:
            grants = self._ledger.grant([(id_, self._new_token()) for id_ in ids])
        except Exception:
            # Those that may have been granted all the same are settled when their lease runs out.
            self._slots.give_back(len(ids))
            raise
        granted = [grant for grant in grants if isinstance(grant, Grant)]
        for id_, grant in zip(ids, grants, strict=True):
            if isinstance(grant, LedgerDamaged):
                log.error("no call in a damaged line", id=id_, error=str(grant))
        if self._observer:
            self._observer.begun(granted)
        return granted

    def _place_each(self, begun: Sequence[_Begun]) -> None:
        for each in begun:
            self._place(*each)

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
