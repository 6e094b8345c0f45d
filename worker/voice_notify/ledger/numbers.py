"""One number: its calls, what limits it, and its line."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from voice_notify.domain.forecast import Limits, Turn, timetable
from voice_notify.domain.states import Reason, State
from voice_notify.ledger.notifications import Pause, Record, call_times, pairs, pause, record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from voice_notify.ledger.scripts import Scripts


class Place(StrEnum):
    """Where in a line a notification stands."""

    ON_THE_WIRE = "on the wire"
    IN_LINE = "in line"
    SCHEDULED = "beside"  #: until its own time, or its backoff is over


@dataclass(frozen=True, slots=True)
class InLine:
    """One open notification of the number."""

    record: Record
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
    calls: tuple[int, ...]  #: call_times of the newest calls in the window, oldest first; one on the wire is among them
    hold_ms: int  #: until when a 606 holds it; 0: not
    free_ms: int  #: when its own limits allow a call
    reason: Reason  #: what keeps it from being called now; `new`: nothing
    line: tuple[InLine, ...]  #: the first ones
    open: int  #: how many stand in its line or beside it
    pause: Pause | None

    @property
    def left(self) -> int:
        """How many more calls the window allows now."""
        return max(0, self.limits.max_calls - len(self.calls))


def read_number(scripts: Scripts, mobile: str, *, most: int) -> NumberView:
    """The number as it is now, with the first `most` of its line."""
    now, kept, hold, free, limit, count, first, paused_fields = scripts.run("number", (mobile, most))
    limits, paused = scripts.options.limits, pause(pairs(paused_fields))
    found = [(id_, float(score), pairs(fields)) for id_, score, fields in first]
    every = call_times(kept)
    in_flight = bool(found) and found[0][1] == float("-inf")
    if paused:
        reason = Reason.PAUSED
    elif in_flight:
        reason = Reason.IN_FLIGHT
    else:
        reason = Reason(limit) if free > now else Reason.NEW
    return NumberView(
        mobile=mobile,
        now_ms=now,
        limits=limits,
        calls=tuple(call_time for call_time in every if call_time > now - limits.window_ms),
        hold_ms=hold if hold > now else 0,
        free_ms=max(now, free),
        reason=reason,
        line=_line(found, every, now, hold, limits, paused),
        open=count,
        pause=paused,
    )


def _line(  # noqa: PLR0913, PLR0917 - what decides when each is called
    found: Sequence[tuple[str, float, Mapping[str, str]]],
    calls: Sequence[int],
    now_ms: int,
    hold_ms: int,
    limits: Limits,
    paused: Pause | None,
) -> tuple[InLine, ...]:
    waiting = [each for each in found if each[1] != float("-inf")]
    turns = [_turn(score, fields) for _, score, fields in waiting]
    opens = max(now_ms, hold_ms, paused.until_ms or 0 if paused else 0)
    times = iter(timetable(calls, turns, opens, limits))
    by_hand = paused is not None and paused.until_ms is None
    line = []
    for id_, score, fields in found:
        known = record(id_, fields)
        if known.state is State.CALLING:
            line.append(InLine(known, Place.ON_THE_WIRE, int(fields["lease"])))
            continue
        due = next(times)
        line.append(InLine(known, Place.IN_LINE if score < 0 else Place.SCHEDULED, None if by_hand else due))
    return tuple(line)


def _turn(score: float, fields: Mapping[str, str]) -> Turn:
    place = -int(fields.get("priority", 0)), int(fields["seq"])
    return Turn(max(0, int(score)), place, int(fields["deadline"]) if "deadline" in fields else None)
