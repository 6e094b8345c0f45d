"""The pump: finds what is due and rings. One in each worker; any number of them run side by side."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence
from uuid import uuid4

from voice_notify.core.outcome import Kind, Outcome
from voice_notify.core.policy import RetryPolicy, decide
from voice_notify.errors import StoreUnavailable
from voice_notify.events import Events
from voice_notify.logs import get_logger
from voice_notify.store.ledger import Lapsed, Ledger, Settlement

log = get_logger(__name__)

#: A notification that was submitted without a ring waits so long at most (seconds).
TICK = 0.05
_AFTER_TROUBLE = 1.0
_LAPSED = Outcome(Kind.UNCONFIRMED, "lease", "the worker was lost during the call")


class Pump(threading.Thread):
    """A daemon thread, so that it needs neither the broker's event loop nor a green thread to go on."""

    def __init__(  # noqa: PLR0913 - what a worker decides
        self,
        ledger: Ledger,
        ring: Callable[[Sequence[str], str], None],
        policy: RetryPolicy,
        *,
        worker: str,
        lines: tuple[int, int],
        rings: int,
        events: Events,
        stopping: Callable[[], bool],
    ) -> None:
        super().__init__(name="pump", daemon=True)
        self._ledger = ledger
        self._ring = ring
        self._policy = policy
        self._worker = worker
        self._lines = lines
        self._rings = rings
        self._events = events
        self._stopping = stopping
        self._stopped = threading.Event()

    def run(self) -> None:
        """Turn until stopped; an outage of Redis or the broker is waited out."""
        wait = 0.0
        # A worker that stops gives back what it has not begun, and should not be the one that takes it.
        while not self._stopped.wait(wait) and not self._stopping():
            try:
                wait = self.turn()
            except StoreUnavailable as error:
                log.warning("pump waits for Redis", error=str(error))
                wait = _AFTER_TROUBLE
            except Exception:
                log.exception("pump turn failed")
                wait = _AFTER_TROUBLE

    def stop(self) -> None:
        """End after the present turn."""
        self._stopped.set()
        if self.is_alive():
            self.join()

    def turn(self) -> float:
        """Do what is due now; how many seconds to wait before the next turn."""
        ring = uuid4().hex
        claim = self._ledger.claim(lines=self._lines, ring=ring, rings_per_worker=self._rings, worker=self._worker)
        if claim.lapsed:
            self._settle([self._give_up(call) for call in claim.lapsed])
        expired = self._ledger.expire()
        if expired:
            self._events.expired(expired)
            for id_ in expired:
                log.info("expired", id=id_)
        if claim.ids:
            # If the ring is lost, the lines are due again when its lease has run out.
            self._ring(claim.ids, ring)
            return 0.0
        return TICK if claim.idle_ms is None else min(TICK, claim.idle_ms / 1000)

    def _settle(self, lapsed: Sequence[Settlement]) -> None:
        states = self._ledger.settle(lapsed)
        self._events.ended(lapsed, states)
        for each, state in zip(lapsed, states, strict=True):
            log.warning("call lapsed", id=each.id, state=state, reason=each.step.reason)

    def _give_up(self, call: Lapsed) -> Settlement:
        step = decide(_LAPSED, call.attempt, self._policy, call.now_ms, random.random())  # noqa: S311 - jitter
        return Settlement(call.id, call.token, _LAPSED, step)
