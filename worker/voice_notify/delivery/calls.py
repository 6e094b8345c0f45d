"""How a notification becomes a call: grant → send → decide → settle."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from voice_notify.concurrency.background import Background
from voice_notify.delivery.dispatcher import Begun, Dispatcher
from voice_notify.delivery.monitor import Monitor
from voice_notify.delivery.settlement import Settler
from voice_notify.delivery.slots import Slots
from voice_notify.delivery.spool import Spool
from voice_notify.delivery.timestamps import Timestamps
from voice_notify.domain.outcome import Outcome
from voice_notify.domain.retry import RetryPolicy, decide
from voice_notify.ledger.ledger import Grant, Ledger, Settlement
from voice_notify.monitoring.logs import get_logger
from voice_notify.provider.client import Call

log = get_logger(__name__)


class Provider(Protocol):
    """Places calls; `provider.client.ProviderClient` in production."""

    def place_call(self, call: Call, *, timestamp_ms: int, send_by: float) -> Outcome:
        """The outcome of one call, whose request goes on the wire before `send_by` (`time.monotonic()`) or never."""

    def close(self) -> None:
        """Close the connections."""


class Calls:
    """The calls of one worker process, so many at a time."""

    def __init__(  # noqa: PLR0913 - what a process delivers with
        self,
        ledger: Ledger,
        provider: Provider,
        policy: RetryPolicy,
        monitor: Monitor,
        timestamps: Timestamps,
        *,
        in_flight: int,
        reserved: int = 0,  # beyond these, for urgent ones only
        stopping: Callable[[], bool] = lambda: False,
        spool: Spool | None = None,  # for what cannot be settled before the end
    ) -> None:
        self._provider = provider
        self._policy = policy
        self._slots = Slots(in_flight, reserved)
        self._timestamps = timestamps
        self._begun: Background[Begun] = Background("call", self._place_each, threads=in_flight + reserved)
        self._settler = Settler(ledger, monitor, spool)
        begin = self._begun.put
        self._dispatcher = Dispatcher(ledger, self._slots, begin, monitor, timestamps, stopping=stopping)

    def start(self) -> None:
        """Begin calls, as they become due and as slots come free."""
        self._dispatcher.start()

    def close(self) -> None:
        """Begin no more, finish the calls that are in flight, and settle them or leave their outcomes to the spool."""
        self._dispatcher.close()
        self._slots.wait_until_free()
        self._begun.close()
        self._settler.close()
        self._provider.close()

    def _place_each(self, begun: Sequence[Begun]) -> None:
        for each in begun:
            self._place(*each)

    def _place(self, grant: Grant, asked_at: float) -> None:
        def ledger_now() -> int:
            return grant.now_ms + round((time.monotonic() - asked_at) * 1000)

        log.info("calling", id=grant.id, mobile=grant.mobile, attempt=grant.attempt.attempts)
        try:
            call = Call(grant.mobile, grant.template_id, grant.params)
            send_by = asked_at + grant.send_within_ms / 1000
            sent_at = ledger_now()
            timestamp = self._timestamps.at(sent_at, ahead_ms=grant.clock_ahead_ms)
            outcome = self._provider.place_call(call, timestamp_ms=timestamp, send_by=send_by)
            ended_at = ledger_now()
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
