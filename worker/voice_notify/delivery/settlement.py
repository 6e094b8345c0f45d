"""Settles ended attempts, many in one round trip."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from voice_notify.concurrency.background import Background
from voice_notify.errors import StoreUnavailable
from voice_notify.ledger.ledger import Grant, Ledger, Settlement
from voice_notify.monitoring.logs import get_logger

log = get_logger(__name__)

#: Most attempts that are settled at once.
_BATCH = 256
#: After one attempt has ended, how long to wait for others to settle with it.
_BATCH_WINDOW_S = 0.005
#: How long an outcome is kept while Redis cannot be used: without it the attempt becomes unconfirmed.
_KEEP_S = 600


class Observer(Protocol):
    """Is told what happens, and neither fails nor waits; `monitoring.task_events.TaskEvents` in a worker."""

    def begun(self, grants: Iterable[Grant]) -> None:
        """Calls begin."""

    def ended(self, settlements: Sequence[Settlement], states: Sequence[str]) -> None:
        """Attempts were settled, with these states of their notifications after it."""


class Settler:
    """Gives the ledger what has ended, many attempts at once where there are many."""

    def __init__(self, ledger: Ledger, observer: Observer | None = None) -> None:
        self._ledger = ledger
        self._observer = observer
        self._retrying = Retrying(
            retry=retry_if_exception_type(StoreUnavailable),
            wait=wait_random_exponential(multiplier=0.1, max=2),
            stop=stop_after_delay(_KEEP_S),
            reraise=True,
        )
        self._ended: Background[Settlement] = Background(
            "settler", self._settle, most=_BATCH, batch_window_s=_BATCH_WINDOW_S
        )

    def put(self, settlement: Settlement) -> None:
        """Settle soon."""
        self._ended.put(settlement)

    def close(self) -> None:
        """Settle what is left."""
        self._ended.close()

    def _settle(self, batch: list[Settlement]) -> None:
        try:
            states = self._retrying(self._ledger.settle, batch)
        except Exception as error:
            if len(batch) > 1 and not isinstance(error, StoreUnavailable):
                # One of them is at fault, and must not make the others unconfirmed; to settle again is harmless.
                for each in batch:
                    self._settle([each])
                return
            # The lease runs out, and the attempts count as unconfirmed.
            log.exception("attempts not settled", ids=[each.id for each in batch])
            return
        if self._observer:
            self._observer.ended(batch, states)
        for each, state in zip(batch, states, strict=True):
            if state != each.step.state:
                log.warning("settled otherwise", id=each.id, expected=each.step.state, state=state)
