"""What keeps a waiting notification from being called now: one rule for all commands that tell of it."""

from __future__ import annotations

from typing import Protocol

from voice_notify.domain.reasons import Reason
from voice_notify.ledger.rules import LedgerRules

#: What a notification that is scheduled may wait for, besides its own time.
_OF_SCHEDULED = {Reason.BACKOFF, Reason.RESEND}


class NumberReply(Protocol):
    """What the scripts say of a number."""

    @property
    def now(self) -> int: ...
    @property
    def number_free_at(self) -> int: ...
    @property
    def limit(self) -> str: ...
    @property
    def due_before(self) -> int | None: ...
    @property
    def rate_free_at(self) -> int: ...
    @property
    def ms_per_call(self) -> float: ...


def turn_of(number: NumberReply, rules: LedgerRules) -> tuple[int, Reason]:
    """For how many ms a number that is due still waits, by estimate, and why: `rate`, `backlog`; `new`: for nothing."""
    if number.due_before is None:
        return 0, Reason.NEW
    opens = max(0, number.rate_free_at - number.now)
    by_rate = round(opens + number.due_before * rules.call_interval_ms)
    by_pace = round(number.due_before * number.ms_per_call)
    if by_rate and by_rate >= by_pace:
        return by_rate, Reason.RATE
    return by_pace, Reason.BACKLOG if number.due_before else Reason.NEW


def what_blocks_number(number: NumberReply, of_others: Reason, *, is_paused: bool, in_flight: bool) -> Reason:
    """What keeps a number from being called now; `of_others`, where nothing of its own does."""
    if is_paused:
        return Reason.PAUSED
    if in_flight:
        return Reason.IN_FLIGHT
    return Reason(number.limit) if number.number_free_at > number.now else of_others


def what_blocks(own: str, of_number: Reason, *, is_scheduled: bool, has_others_before: bool) -> Reason:
    """What keeps a notification from being called now, whose newest transition has the reason `own`."""
    if of_number is Reason.PAUSED:
        return of_number
    if is_scheduled:
        return Reason(own) if own in _OF_SCHEDULED else Reason.NOT_BEFORE
    if has_others_before and of_number in {Reason.NEW, Reason.RATE, Reason.BACKLOG}:
        return Reason.GAP
    return of_number
