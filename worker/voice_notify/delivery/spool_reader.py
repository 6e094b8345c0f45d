"""Settles what processes that ended during an outage of Redis left in the spool."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from voice_notify.concurrency.background import Background
from voice_notify.delivery.settlement import report
from voice_notify.domain.masking import mask_text
from voice_notify.monitoring.logs import get_logger

if TYPE_CHECKING:
    from pathlib import Path

    from voice_notify.delivery.monitor import Monitor
    from voice_notify.delivery.spool import Spool, SpoolFile
    from voice_notify.ledger.ledger import Ledger

log = get_logger(__name__)

#: So often a worker looks for what another on its host left: soon enough to prevent second calls to those numbers.
_LOOK_INTERVAL_S = 1.0
#: Most attempts that are settled at once.
_BATCH = 256


class SpoolReader:
    """A thread of a worker's main process. Any number of workers may share a folder."""

    def __init__(self, ledger: Ledger, monitor: Monitor, spool: Spool) -> None:
        self._ledger = ledger
        self._monitor = monitor
        self._spool = spool
        self._thread: Background[None] | None = None
        self._waiting: set[Path] = set()  # files of which it was said

    def start(self) -> None:
        """Settle what is there, and what comes, until closed; an outage of Redis is waited out."""
        self._thread = Background("spool", lambda _: self._tick(), ticks=True)

    def close(self) -> None:
        """End after the present file."""
        if self._thread:
            self._thread.close()

    def _tick(self) -> float:
        for left in self._spool.files():
            try:
                self.settle(left)
            except Exception as error:  # noqa: BLE001 - whatever it is, the file stays
                if left.path not in self._waiting:
                    log.warning("the spool waits for Redis", file=str(left.path), error=mask_text(repr(error)))
                self._waiting.add(left.path)
            else:
                self._waiting.discard(left.path)
        return _LOOK_INTERVAL_S

    def settle(self, left: SpoolFile) -> None:
        """Settle what is in a file, then remove it. After an error it stays as it is: settling twice does no harm."""
        file = left.open()
        if file is None:
            return
        with file:
            settlements = left.read(file)
            count = 0
            while batch := list(islice(settlements, _BATCH)):
                report(batch, self._ledger.settle(batch), self._monitor)
                count += len(batch)
            left.remove()
        log.warning("outcomes of an earlier worker settled", file=str(left.path), count=count)
