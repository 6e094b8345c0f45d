"""Guarantee G5: what is known of a notification, and what blocks it now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from voice_notify.domain.forecast import Others, forecast
from voice_notify.domain.reasons import HistoryReason, Reason
from voice_notify.domain.states import State
from voice_notify.domain.windows import Limits, parse_call_times
from voice_notify.ledger.breaker import Pause, Pauses
from voice_notify.ledger.contracts import ExplainReply
from voice_notify.ledger.notifications import Record, parse_record


@dataclass(frozen=True, slots=True)
class Transition:
    """One line of a notification's history."""

    at_ms: int
    state: State
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """State, history, what blocks it now, how many are ahead, and when the next step is due."""

    record: Record
    now_ms: int
    reason: str  #: of a waiting notification: `Reason`, what blocks it now; else of its newest transition
    #: When its next step is due: its call, its deadline if that is sooner, the end of its lease. None: it is final, or
    #: waits for a person.
    due_ms: int | None
    ahead: int  #: called before it on the same number, the one in flight included
    history: tuple[Transition, ...]
    pause: Pause | None


def explain(id_: str, reply: ExplainReply, limits: Limits) -> Explanation:
    """The explanation that the ledger's `reply` gives of a notification that it knows."""
    fields = reply.record or {}
    found, pauses, now = parse_record(id_, fields), Pauses.parse(reply.pause, reply.budget_pause), reply.now
    reason, due, ahead = found.reason, None, 0
    if found.state is State.CALLING:
        due = int(fields["lease"])
    elif found.state is State.WAITING:
        others = Others(
            reply.before, reply.behind, tuple((at, goes_before == 1) for at, goes_before in reply.scheduled)
        )
        opens = max(now, reply.hold, pauses.until_ms or 0)
        due, ahead = forecast(parse_call_times(reply.call_times), others, opens, reply.ready_at, limits)
        reason = _what_blocks(found, reply, pauses.first, ahead)
        if pauses.until_ms is None:
            due = None
        ahead += bool(reply.in_flight)
        if due and found.deadline_ms:
            due = min(due, found.deadline_ms)
    return Explanation(found, now, reason, due, ahead, _history(found, reply.log), pauses.first)


def _what_blocks(found: Record, reply: ExplainReply, pause: Pause | None, ahead: int) -> Reason:
    if pause:
        return Reason.PAUSED
    if reply.ready_at > reply.now:
        return Reason.BACKOFF if found.reason == Reason.BACKOFF else Reason.NOT_BEFORE
    if reply.in_flight:
        return Reason.IN_FLIGHT
    if reply.number_free_at > reply.now:
        return Reason(reply.limit)
    return Reason.GAP if ahead else Reason.NEW


def _history(found: Record, log: Sequence[str]) -> tuple[Transition, ...]:
    # A submit is not logged: a million parked notifications would pay for what `created` says already.
    entries = [Transition(found.created_ms, State.WAITING, HistoryReason.SUBMITTED, "")]
    for line in log:
        at, state, reason, detail = line.split("\t", 3)
        entries.append(Transition(int(at), State(state), reason, detail))
    return tuple(entries)
