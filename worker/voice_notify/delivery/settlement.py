"""Settles ended attempts, many in one round trip."""

from __future__ import annotations

from collections.abc import Sequence

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from voice_notify.concurrency.background import Background
from voice_notify.delivery.monitor import Monitor
from voice_notify.errors import LedgerDamaged, StoreUnavailable
from voice_notify.ledger.ledger import Ledger, Settlement
from voice_notify.ledger.results import SettleResult
from voice_notify.monitoring.logs import get_logger

log = get_logger(__name__)

#: Most attempts that are settled at once.
_BATCH = 256
#: After one attempt has ended, how long to wait for others to settle with it.
_BATCH_WINDOW_S = 0.005
#: How long an outcome is kept while Redis cannot be used: without it the attempt becomes unconfirmed.
_KEEP_S = 600


class Settler:
    """Gives the ledger what has ended, many attempts at once where there are many."""

    def __init__(self, ledger: Ledger, monitor: Monitor) -> None:
        self._ledger = ledger
        self._monitor = monitor
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
            results = self._retrying(self._ledger.settle, batch)
        except Exception:
            # The lease runs out, and the attempts count as unconfirmed.
            log.exception("attempts not settled", ids=[each.id for each in batch])
            return
        report(batch, results, self._monitor)


def report(
    settlements: Sequence[Settlement], results: Sequence[SettleResult | LedgerDamaged], monitor: Monitor
) -> None:
    """Tell the monitor and the log what the ledger made of `settlements`."""
    settled = []
    for each, result in zip(settlements, results, strict=True):
        if isinstance(result, LedgerDamaged):
            # It cannot be settled, and its lease runs out.
            log.error("attempt not settled", id=each.id, error=str(result))
            continue
        settled.append((each, result))
        if each.lapsed:
            log.warning("call lapsed", id=each.id, state=result, reason=each.step.reason)
        elif result != each.step.state:
            log.warning("settled otherwise", id=each.id, expected=each.step.state, state=result)
    monitor.ended(settled)
