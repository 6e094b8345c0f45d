"""Settles ended attempts, many in one round trip, and keeps each until the ledger has given its verdict on it."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Sequence
from itertools import islice

from tenacity import RetryCallState, wait_random_exponential

from voice_notify.concurrency.background import Background
from voice_notify.delivery.monitor import Monitor
from voice_notify.delivery.spool import Spool
from voice_notify.domain.masking import mask_text
from voice_notify.errors import LedgerDamaged, StoreUnavailable
from voice_notify.ledger.ledger import Ledger, Settlement
from voice_notify.ledger.results import SettleResult
from voice_notify.monitoring.logs import get_logger

log = get_logger(__name__)

#: Most attempts that are settled at once.
_BATCH = 256
#: After one attempt has ended, how long to wait for others to settle with it.
_BATCH_WINDOW_S = 0.005
#: Most outcomes that are kept while Redis cannot be used: some megabytes.
_MOST_KEPT = 10_000
#: For how long a process that ends tries on before it leaves what is not settled to the spool.
_LAST_TRIES_S = 3.0

_wait_before_next_try = wait_random_exponential(multiplier=0.1, max=2)


class Settler:
    """Gives the ledger what has ended, many attempts at once where there are many.

    Only the ledger's verdict on an attempt ends the care for its outcome: its state, why it did not decide, or that its
    record is damaged. Whatever else Redis answers, the outcome is kept and tried again, for as long as the process
    lives; what is left at its end goes to the spool. Without the outcome the attempt would count as unconfirmed, and a
    phone might ring twice although it was known better.
    """

    def __init__(self, ledger: Ledger, monitor: Monitor, spool: Spool | None = None) -> None:
        self._ledger = ledger
        self._monitor = monitor
        self._spool = spool
        self._kept: OrderedDict[tuple[str, str], Settlement] = OrderedDict()  # by id and token
        self._outage = _Outage()
        self._ended: Background[Settlement] = Background(
            "settler", self._take, most=_BATCH, batch_window_s=_BATCH_WINDOW_S, finish=self._leave_rest
        )

    def put(self, settlement: Settlement) -> None:
        """Settle soon."""
        self._ended.put(settlement)

    def close(self) -> None:
        """Settle what is left, or leave it to the next worker."""
        self._ended.close()

    def _take(self, ended: list[Settlement]) -> float | None:
        for each in ended:
            self._kept[each.id, each.token] = each
        while len(self._kept) > _MOST_KEPT:
            (id_, _), _ = self._kept.popitem(last=False)
            log.error("outcome dropped: too many wait for Redis", id=id_, most=_MOST_KEPT)
        return self._outage.seconds_to_next_try or self._settle_kept()

    def _settle_kept(self) -> float | None:
        """Return the seconds after which to try again; None if nothing is left."""
        while self._kept:
            error = self._settle(list(islice(self._kept.values(), _BATCH)))
            if error:
                return self._outage.failed(error, len(self._kept))
        self._outage.over()
        return None

    def _settle(self, batch: list[Settlement]) -> Exception | None:
        try:
            results = self._ledger.settle(batch)
        except StoreUnavailable as error:
            return error
        except Exception as error:  # noqa: BLE001 - no list of errors decides what becomes of an outcome
            return error if len(batch) == 1 else self._settle_each(batch)
        for each in batch:
            del self._kept[each.id, each.token]
        report(batch, results, self._monitor)
        return None

    def _settle_each(self, batch: list[Settlement]) -> Exception | None:
        """Settle one by one, so that one that Redis or the ledger cannot take holds up no other."""
        last = None
        for each in batch:
            error = self._settle([each])
            if error:
                last = error
                self._kept.move_to_end((each.id, each.token))
            if isinstance(error, StoreUnavailable):
                break
        return last

    def _leave_rest(self) -> None:
        until = time.monotonic() + _LAST_TRIES_S
        while (wait := self._settle_kept()) is not None and time.monotonic() + wait < until:
            time.sleep(wait)
        if self._kept:
            leave(list(self._kept.values()), self._spool)


class _Outage:
    """Says once that outcomes wait, and once that they wait no longer; in between, when to try again."""

    def __init__(self) -> None:
        self._failures = RetryCallState(retry_object=None, fn=None, args=(), kwargs={})  # type: ignore[arg-type]
        self._failures.attempt_number = 0
        self._began = self._next_try = 0.0

    @property
    def seconds_to_next_try(self) -> float:
        """Return 0 where there is nothing to wait for."""
        return max(0.0, self._next_try - time.monotonic())

    def failed(self, error: Exception, count: int) -> float:
        """`count` outcomes wait, for this reason. Returns the seconds to the next try."""
        if not self._failures.attempt_number:
            self._began = time.monotonic()
            log.warning("outcomes wait for Redis", count=count, error=mask_text(repr(error)))
        self._failures.attempt_number += 1
        wait = _wait_before_next_try(self._failures)
        self._next_try = time.monotonic() + wait
        return wait

    def over(self) -> None:
        """Every outcome is settled."""
        if self._failures.attempt_number:
            log.warning("outcomes settled: Redis is back", after_s=round(time.monotonic() - self._began, 1))
        self._failures.attempt_number = 0
        self._next_try = 0.0


def leave(settlements: Sequence[Settlement], spool: Spool | None) -> None:
    """Write what could not be settled to the spool, for the next worker; say which attempts those are."""
    ids = [each.id for each in settlements]
    if spool is None:
        log.error("outcomes lost: Redis cannot be used, and the setting spool names no folder", ids=ids)
        return
    try:
        path = spool.write(settlements)
    except OSError:
        log.exception("outcomes lost: the spool cannot be written", ids=ids)
        return
    log.warning("outcomes left to the next worker", ids=ids, file=str(path))


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
