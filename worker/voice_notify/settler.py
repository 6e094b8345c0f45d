"""Settles ended attempts, many in one round trip."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterable, Sequence
from typing import Protocol

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from voice_notify.errors import StoreUnavailable
from voice_notify.logs import get_logger
from voice_notify.store.ledger import Grant, Ledger, Settlement

log = get_logger(__name__)

_MOST = 256
#: After one attempt has ended, how long to wait for others to settle with it (seconds).
_GATHER = 0.005


class Observer(Protocol):
    """Is told what happens, and neither fails nor waits; `events.Events` in a worker."""

    def begun(self, grants: Iterable[Grant]) -> None:
        """Calls begin."""

    def ended(self, settlements: Sequence[Settlement], states: Sequence[str]) -> None:
        """Attempts were settled, with these states of their notifications after it."""


class Settler:
    """A thread that gives the ledger what has ended, many attempts at once where there are many."""

    def __init__(self, ledger: Ledger, observer: Observer | None = None) -> None:
        self._ledger = ledger
        self._observer = observer
        self._ended: queue.SimpleQueue[Settlement | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="settler", daemon=True)
        self._thread.start()
        # An outcome is worth waiting for Redis: without it the attempt becomes unconfirmed.
        self._retrying = Retrying(
            retry=retry_if_exception_type(StoreUnavailable),
            wait=wait_random_exponential(multiplier=0.1, max=2),
            stop=stop_after_delay(600),
            reraise=True,
        )

    def put(self, settlement: Settlement) -> None:
        """Settle soon."""
        self._ended.put(settlement)

    def close(self) -> None:
        """Settle what is left."""
        self._ended.put(None)
        self._thread.join()

    def _run(self) -> None:
        open_ = True
        while open_:
            batch = [self._ended.get()]
            time.sleep(_GATHER)
            while len(batch) < _MOST and not self._ended.empty():
                batch.append(self._ended.get())
            open_ = None not in batch
            self._settle([settlement for settlement in batch if settlement is not None])

    def _settle(self, batch: list[Settlement]) -> None:
        if not batch:
            return
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
