"""One number: its calls, what limits it, and its line."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from voice_notify.domain.forecast import Turn, timetable
from voice_notify.domain.reasons import Reason
from voice_notify.domain.states import State
from voice_notify.domain.windows import Limits, parse_call_times
from voice_notify.ledger.blocks import turn_of, what_blocks, what_blocks_number
from voice_notify.ledger.breaker import Pause, Pauses
from voice_notify.ledger.contracts import NUMBER, InLineReply, NumberCall
from voice_notify.ledger.notifications import Record, parse_record

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from voice_notify.ledger.scripts import Scripts


class Place(StrEnum):
    """Where in a line a notification stands."""

    ON_THE_WIRE = "on the wire"
    IN_LINE = "in line"
    SCHEDULED = "scheduled"  #: until its own time, or its backoff is over


@dataclass(frozen=True, slots=True)
class InLine:
    """One open notification of the number."""

    record: Record
    reason: str  #: what blocks it now; of one on the wire, that of its newest transition
    place: Place
    #: When it is called if nothing more is submitted and all goes well; of one on the wire, when its lease runs out.
    #: None: its deadline comes first, or a person has to resume the account.
    due_ms: int | None


@dataclass(frozen=True, slots=True)
class NumberView:
    """A number at one moment."""

    mobile: str
    now_ms: int
    limits: Limits
    calls: tuple[int, ...]  #: the times of the newest calls in the window, oldest first; one on the wire is among them
    hold_ms: int  #: until when a 606 holds it; 0: not
    free_ms: int  #: when its own limits allow a call
    reason: Reason  #: what keeps it from being called now; `new`: nothing
    due_before: int  #: other numbers that are due and called before it
    line: tuple[InLine, ...]  #: the first ones
    open: int  #: how many stand in its line, ready or scheduled
    pause: Pause | None

    @property
    def left(self) -> int:
        """How many more calls the window allows now."""
        return max(0, self.limits.max_calls - len(self.calls))


def read_number(scripts: Scripts, mobile: str, *, most: int) -> NumberView:
    """The number as it is now, with the first `most` of its line."""
    found = scripts.run(NUMBER, NumberCall(most, mobile))
    now, limits, pauses = found.now, scripts.rules.limits, Pauses.parse(found.pause, found.budget_pause)
    call_times = parse_call_times(found.call_times)
    turn_ms, of_others = turn_of(found, scripts.rules)
    in_flight = bool(found.first and found.first[0].in_flight)
    reason = what_blocks_number(found, of_others, is_paused=pauses.first is not None, in_flight=in_flight)
    opens = max(now + turn_ms, found.hold, pauses.until_ms or 0)
    times = _call_times_to_come(found.first, call_times, opens, limits)
    if pauses.until_ms is None:
        times = [None] * len(times)
    return NumberView(
        mobile=mobile,
        now_ms=now,
        limits=limits,
        calls=tuple(call_time for call_time in call_times if call_time > now - limits.window_ms),
        hold_ms=found.hold if found.hold > now else 0,
        free_ms=max(now, found.number_free_at),
        reason=reason,
        due_before=found.due_before or 0,
        line=tuple(_line(found.first, times, reason)),
        open=found.open,
        pause=pauses.first,
    )


def _call_times_to_come(
    first: Sequence[InLineReply], call_times: Sequence[int], opens_ms: int, limits: Limits
) -> list[int | None]:
    """When those of the line that wait are called."""
    turns = [_turn(each) for each in first if not each.in_flight]
    return timetable(call_times, turns, opens_ms, limits)


def _line(first: Sequence[InLineReply], times: Sequence[int | None], of_number: Reason) -> Iterator[InLine]:
    due, has_others_before = iter(times), False
    for each in first:
        known = parse_record(each.id, each.record)
        if known.state is State.CALLING:
            yield InLine(known, known.reason, Place.ON_THE_WIRE, int(each.record["lease"]))
            continue
        is_scheduled = bool(each.ready_at)
        reason = what_blocks(known.reason, of_number, is_scheduled=is_scheduled, has_others_before=has_others_before)
        yield InLine(known, reason, Place.SCHEDULED if is_scheduled else Place.IN_LINE, next(due))
        has_others_before = True


def _turn(each: InLineReply) -> Turn:
    fields = each.record
    place = -int(fields.get("priority", 0)), int(fields["seq"])
    return Turn(each.ready_at, place, int(fields["deadline"]) if "deadline" in fields else None)
