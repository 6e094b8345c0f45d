"""When the notifications of a line will be called, in milliseconds of Redis's clock.

The scripts decide; this predicts, for `r.eta`, `explain`, `number` and a dry run.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from voice_notify.domain.windows import Limits, next_free


@dataclass(frozen=True, slots=True)
class Others:
    """The others of a line that wait, as one notification of it sees them."""

    before: int = 0  #: in line, and called before it
    behind: int = 0  #: in line, and called before it only while it is scheduled itself
    scheduled: tuple[tuple[int, bool], ...] = ()  #: when each is ready, and whether it is then before it


def forecast(
    calls: Sequence[int], others: Others, number_free_at_ms: int, ready_at_ms: int, limits: Limits
) -> tuple[int, int]:
    """When a notification that joins its line at `ready_at_ms` will be called, and after how many of the others.

    Nothing is called before `number_free_at_ms`. It comes true if no more is submitted and every call is accepted in no
    time.
    """
    call_times = deque(calls, limits.max_calls)
    scheduled = deque(sorted(others.scheduled))
    before, behind, placed, at = others.before, others.behind, 0, number_free_at_ms
    while True:
        at = max(at, next_free(call_times, limits))
        while scheduled and scheduled[0][0] <= at:
            goes_before = scheduled.popleft()[1]
            before, behind = before + goes_before, behind + (not goes_before)
        if not before and ready_at_ms <= at:
            return at, placed
        if not before and not behind:
            at = min(ready_at_ms, scheduled[0][0]) if scheduled else ready_at_ms
            continue
        before, behind = (before - 1, behind) if before else (before, behind - 1)
        call_times.append(at)
        placed += 1


@dataclass(frozen=True, slots=True)
class Turn:
    """One notification of a line."""

    ready_at_ms: int  #: when it joins the line
    place: tuple[int, int]  #: smaller goes first among those that have joined: (-priority, order of submission)
    deadline_ms: int | None = None  #: no call from then on


def timetable(calls: Sequence[int], line: Sequence[Turn], number_free_at_ms: int, limits: Limits) -> list[int | None]:
    """When each of a line is called; None: its deadline comes first.

    Like `forecast`, nothing is called before `number_free_at_ms`, and every call is accepted in no time.
    """
    called: list[int | None] = [None] * len(line)
    scheduled = deque(sorted(range(len(line)), key=lambda number: line[number].ready_at_ms))
    ready: list[tuple[tuple[int, int], int]] = []
    call_times, at = deque(calls, limits.max_calls), number_free_at_ms
    while scheduled or ready:
        at = max(at, next_free(call_times, limits))
        if not ready:
            at = max(at, line[scheduled[0]].ready_at_ms)
        while scheduled and line[scheduled[0]].ready_at_ms <= at:
            number = scheduled.popleft()
            heapq.heappush(ready, (line[number].place, number))
        _, number = heapq.heappop(ready)
        deadline = line[number].deadline_ms
        if deadline is None or at < deadline:
            called[number] = at
            call_times.append(at)
    return called
