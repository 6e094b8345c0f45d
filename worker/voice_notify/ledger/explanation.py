"""Guarantee G5: what is known of a notification, and what blocks it now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from voice_notify.domain.forecast import Others, forecast
from voice_notify.domain.reasons import HistoryReason
from voice_notify.domain.states import State
from voice_notify.domain.windows import parse_call_times
from voice_notify.ledger.blocks import turn_of, what_blocks, what_blocks_number
from voice_notify.ledger.breaker import Pause, Pauses
from voice_notify.ledger.contracts import ExplainReply
from voice_notify.ledger.notifications import Record, parse_record
from voice_notify.ledger.rules import LedgerRules


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
    due_before: int = 0  #: other numbers that are due and called before its own
    calling: int = 0  #: calls of the account in flight
    call_ms: int | None = None  #: when it is called, by estimate; None: it is not waiting, or waits for a person

    @property
    def expires_first(self) -> bool:
        """Whether its deadline comes before its call, by estimate."""
        deadline = self.record.deadline_ms
        return self.call_ms is not None and deadline is not None and deadline <= self.call_ms

    @property
    def eta_ms(self) -> int | None:
        """When it is called, by estimate, or was called last; None if neither, or if a person has to act first."""
        if self.record.state is State.WAITING:
            return self.call_ms
        return max((each.at_ms for each in self.history if each.reason == HistoryReason.ATTEMPT), default=None)


def explain(id_: str, reply: ExplainReply, rules: LedgerRules) -> Explanation:
    """The explanation that the ledger's `reply` gives of a notification that it knows."""
    fields = reply.record or {}
    found, pauses = parse_record(id_, fields), Pauses.parse(reply.pause, reply.budget_pause)
    history = _history(found, reply.log)
    if found.state is State.CALLING:
        due = int(fields["lease"])
        return Explanation(found, reply.now, found.reason, due, 0, history, pauses.first, calling=reply.calling)
    if found.state is not State.WAITING:
        return Explanation(found, reply.now, found.reason, None, 0, history, pauses.first)
    others = Others(reply.before, reply.behind, tuple((at, goes_before == 1) for at, goes_before in reply.scheduled))
    opens = max(reply.now, reply.hold, pauses.until_ms or 0)
    call_times = parse_call_times(reply.call_times)
    by_line, ahead = forecast(call_times, others, opens, reply.ready_at, rules.limits)
    turn_ms, of_others = turn_of(reply, rules)
    call = None if pauses.until_ms is None else max(by_line, reply.now + turn_ms)
    of_number = what_blocks_number(
        reply, of_others, is_paused=pauses.first is not None, in_flight=bool(reply.in_flight)
    )
    return Explanation(
        record=found,
        now_ms=reply.now,
        reason=what_blocks(
            found.reason, of_number, is_scheduled=reply.ready_at > reply.now, has_others_before=ahead > 0
        ),
        due_ms=None if call is None else min(call, found.deadline_ms or call),
        ahead=ahead + bool(reply.in_flight),
        history=history,
        pause=pauses.first,
        due_before=reply.due_before or 0,
        calling=reply.calling,
        call_ms=call,
    )


def _history(found: Record, log: Sequence[str]) -> tuple[Transition, ...]:
    # A submit is not logged: a million parked notifications would pay for what `created` says already.
    entries = [Transition(found.created_ms, State.WAITING, HistoryReason.SUBMITTED, "")]
    for line in log:
        at, state, reason, detail = line.split("\t", 3)
        entries.append(Transition(int(at), State(state), reason, detail))
    return tuple(entries)
