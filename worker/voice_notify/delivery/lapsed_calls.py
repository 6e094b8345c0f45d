"""Calls whose lease ran out, because their worker died or lost touch with Redis: nobody else will settle them."""

from __future__ import annotations

import random
from collections.abc import Sequence

from voice_notify.delivery.settlement import Observer, report
from voice_notify.domain.outcome import Kind, Outcome
from voice_notify.domain.retry import RetryPolicy, decide
from voice_notify.ledger.ledger import Lapsed, Ledger, Settlement

_OUTCOME = Outcome(Kind.UNCONFIRMED, "lease", "the worker was lost during the call")


def settle_lapsed(ledger: Ledger, lapsed: Sequence[Lapsed], policy: RetryPolicy, observer: Observer) -> None:
    """Settle calls of unknown outcome. Their late replies, if any come, are still recorded."""
    settlements = [_give_up(call, policy) for call in lapsed]
    report(settlements, ledger.settle(settlements), observer)


def _give_up(call: Lapsed, policy: RetryPolicy) -> Settlement:
    step = decide(_OUTCOME, call.attempt, policy, call.now_ms, random.random())  # noqa: S311 - jitter
    return Settlement(call.id, call.token, _OUTCOME, step, lapsed=True)
