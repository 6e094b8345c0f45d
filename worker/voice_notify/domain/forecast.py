"""When a number may be called next (PROVIDER.md, Rules of use), in milliseconds of Redis's clock.

The scripts decide; this predicts, for `r.eta`, `explain`, `number` and a dry run.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """The provider's windows for one number, our guard included."""

    gap_ms: int  #: least time between two calls
    max_calls: int  #: calls in any `window_ms`
    window_ms: int


@dataclass(frozen=True, slots=True)
class Others:
    """The others of a line that wait, as one notification of it sees them."""

    before: int = 0  #: in line, and called before it
    behind: int = 0  #: in line, and called before it only while it waits beside the line itself
    joining: tuple[tuple[int, bool], ...] = ()  #: beside the line: when each joins, and whether it is then before it


def next_free(calls: Sequence[int], limits: Limits) -> int:
    """The earliest moment for a call after `calls` (their call_times, oldest first)."""
    free = calls[-1] + limits.gap_ms if calls else 0
    if len(calls) >= limits.max_calls:
        free = max(free, calls[-limits.max_calls] + limits.window_ms)
    return free


def forecast(
    calls: Sequence[int], others: Others, number_free_at_ms: int, ready_at_ms: int, limits: Limits
) -> tuple[int, int]:
    """When a notification that joins its line at `ready_at_ms` will be called, and after how many of the others.

    Nothing is called before `number_free_at_ms`. It comes true if no more is submitted and every call is accepted in no
    time.
    """
    call_times = deque(calls, limits.max_calls)
    joining = deque(sorted(others.joining))
    before, behind, placed, at = others.before, others.behind, 0, number_free_at_ms
    while True:
        at = max(at, next_free(call_times, limits))
        while joining and joining[0][0] <= at:
            goes_before = joining.popleft()[1]
            before, behind = before + goes_before, behind + (not goes_before)
        if not before and ready_at_ms <= at:
            return at, placed
        if not before and not behind:
            at = min(ready_at_ms, joining[0][0]) if joining else ready_at_ms
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
    beside = deque(sorted(range(len(line)), key=lambda number: line[number].ready_at_ms))
    ready: list[tuple[tuple[int, int], int]] = []
    call_times, at = deque(calls, limits.max_calls), number_free_at_ms
    while beside or ready:
        at = max(at, next_free(call_times, limits))
        if not ready:
            at = max(at, line[beside[0]].ready_at_ms)
        while beside and line[beside[0]].ready_at_ms <= at:
            number = beside.popleft()
            heapq.heappush(ready, (line[number].place, number))
        _, number = heapq.heappop(ready)
        deadline = line[number].deadline_ms
        if deadline is None or at < deadline:
            called[number] = at
            call_times.append(at)
    return called
