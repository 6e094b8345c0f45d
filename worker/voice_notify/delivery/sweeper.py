"""The sweep of one worker: what has to happen at its time, whether or not anybody calls."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from voice_notify.concurrency.background import Background
from voice_notify.delivery.settlement import report
from voice_notify.domain.outcome import LEASE_RAN_OUT, Kind, Outcome
from voice_notify.domain.retry import RetryPolicy, decide
from voice_notify.errors import NotAllowed, StoreUnavailable
from voice_notify.ledger.ledger import Lapsed, Ledger, Settlement
from voice_notify.monitoring.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from voice_notify.delivery.monitor import Monitor
    from voice_notify.delivery.timestamps import Timestamps
    from voice_notify.ledger.breaker import Pause

log = get_logger(__name__)

#: What becomes due is looked for so often: a lost wake-up costs as much at most.
SWEEP_INTERVAL_S = 1.0

_LEASE_RAN_OUT = Outcome(Kind.UNCONFIRMED, LEASE_RAN_OUT, "the worker was lost during the call")


class Sweeper:
    """Says that the worker is alive, settles calls whose worker died, ends what is past its deadline, tells of pauses.

    Any number of workers sweep side by side. It has a thread of its own: it needs neither the broker's event loop nor
    a green thread.
    """

    def __init__(
        self, ledger: Ledger, policy: RetryPolicy, monitor: Monitor, timestamps: Timestamps, *, worker: str
    ) -> None:
        self._ledger = ledger
        self._policy = policy
        self._monitor = monitor
        self._timestamps = timestamps
        self._worker = worker
        self._pause: Pause | None = None
        self._thread: Background[None] | None = None

    def start(self) -> None:
        """Sweep until closed; an outage of Redis is waited out."""
        self._thread = Background("sweeper", lambda _: self._tick(), ticks=True)

    def close(self) -> None:
        """End after the present sweep."""
        if self._thread:
            self._thread.close()

    def sweep(self) -> bool:
        """Do what is due now. Returns whether there is more of it."""
        found = self._ledger.sweep(self._worker)
        self._timestamps.see(found.server_now_ms)
        self._tell_pause(found.pause)
        if found.lapsed:
            self._settle(found.lapsed)
        if found.expired:
            self._monitor.expired(found.expired)
            for id_ in found.expired:
                log.info("expired", id=id_)
        for letter in found.dropped:
            log.warning("dead letter deleted: dead_retention is over", **letter._asdict())
        return found.more

    def _tell_pause(self, pause: Pause | None) -> None:
        """The log's lines for a pause of the account and its end."""
        before, self._pause = self._pause, pause
        if pause and (before is None or before.reason != pause.reason):
            until = pause.until_ms and datetime.fromtimestamp(pause.until_ms / 1000, UTC).isoformat(timespec="seconds")
            log.warning("account paused", reason=pause.reason, message=pause.message, until=until or "resumed by hand")
        elif before and pause is None:
            log.warning("account open again", reason=before.reason)

    def _settle(self, lapsed: Sequence[Lapsed]) -> None:
        """Settle calls of unknown outcome: nobody else will. Their late replies, if any come, are still recorded."""
        settlements = [self._give_up(call) for call in lapsed]
        report(settlements, self._ledger.settle(settlements), self._monitor)

    def _give_up(self, call: Lapsed) -> Settlement:
        step = decide(_LEASE_RAN_OUT, call.attempt, self._policy, call.now_ms, random.random())  # noqa: S311 - jitter
        return Settlement(call.id, call.token, _LEASE_RAN_OUT, step, lapsed=True)

    def _tick(self) -> float:
        try:
            return 0.0 if self.sweep() else SWEEP_INTERVAL_S
        except (StoreUnavailable, NotAllowed) as error:
            log.warning("the sweeper waits for Redis", error=str(error))
            return SWEEP_INTERVAL_S
