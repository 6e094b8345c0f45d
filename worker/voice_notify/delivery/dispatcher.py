"""The dispatcher: finds what is due and wakes workers. One in each worker; any number of them run side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import uuid4

from voice_notify.concurrency.background import Background
from voice_notify.delivery.lapsed_calls import settle_lapsed
from voice_notify.domain.retry import RetryPolicy
from voice_notify.errors import StoreUnavailable
from voice_notify.ledger.ledger import Ledger
from voice_notify.monitoring.logs import get_logger
from voice_notify.monitoring.task_events import TaskEvents

log = get_logger(__name__)

#: A notification that was submitted without a wake-up waits so long at most (seconds).
TICK_S = 0.05
_PAUSE_AFTER_TROUBLE_S = 1.0


class Dispatcher:
    """Looks for what is due, on a thread of its own: it needs neither the broker's event loop nor a green thread."""

    def __init__(  # noqa: PLR0913 - what a worker decides
        self,
        ledger: Ledger,
        wake: Callable[[Sequence[str], str], None],
        policy: RetryPolicy,
        *,
        worker: str,
        lines: tuple[int, int],
        wakeups: int,
        events: TaskEvents,
        stopping: Callable[[], bool],
    ) -> None:
        self._ledger = ledger
        self._wake = wake
        self._policy = policy
        self._worker = worker
        self._lines = lines
        self._wakeups = wakeups
        self._events = events
        self._stopping = stopping
        self._thread: Background[None] | None = None

    def start(self) -> None:
        """Dispatch until stopped; an outage of Redis or the broker is waited out."""
        self._thread = Background("dispatcher", lambda _: self._tick(), ticks=True)

    def stop(self) -> None:
        """End after the present turn."""
        if self._thread:
            self._thread.close()

    def turn(self) -> float:
        """Do what is due now. Returns how many seconds to wait before the next turn."""
        wakeup = uuid4().hex
        claim = self._ledger.claim(
            lines=self._lines, wakeup=wakeup, wakeups_per_worker=self._wakeups, worker=self._worker
        )
        if claim.lapsed:
            settle_lapsed(self._ledger, claim.lapsed, self._policy, self._events)
        expired = self._ledger.expire()
        if expired:
            self._events.expired(expired)
            for id_ in expired:
                log.info("expired", id=id_)
        if claim.ids:
            # If the wake-up is lost, the lines are due again when its lease has run out.
            self._wake(claim.ids, wakeup)
            return 0.0
        return TICK_S if claim.idle_ms is None else min(TICK_S, claim.idle_ms / 1000)

    def _tick(self) -> float:
        if self._stopping():
            # A worker that stops gives back what it has not begun, and should not be the one that takes it.
            return TICK_S
        try:
            return self.turn()
        except StoreUnavailable as error:
            log.warning("the dispatcher waits for Redis", error=str(error))
            return _PAUSE_AFTER_TROUBLE_S
