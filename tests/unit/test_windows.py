"""When a number may be called next."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice_notify.domain.forecast import Others, Turn, forecast, timetable
from voice_notify.domain.windows import Limits, next_free

LIMITS = Limits(gap_ms=30, max_calls=3, window_ms=1000)


@pytest.mark.parametrize(
    ("calls", "free"),
    [
        ([], 0),  # a number that was never called
        ([500], 530),  # the gap
        ([500, 600], 630),  # the gap after the newest
        ([500, 600, 700], 1500),  # the window after the third newest
        ([400, 500, 600, 700], 1500),  # older ones count no more
        ([500, 1480, 1490], 1520),  # the gap, where it is longer
    ],
)
def test_a_number_is_free_after_its_gap_and_its_window(calls: list[int], free: int) -> None:
    """A number is free a gap after its newest call and a window after its `max_calls` newest."""
    assert next_free(calls, LIMITS) == free


@dataclass(frozen=True)
class Waiting:
    """One of a line: it may be called from `joins` on, by `priority`, then by its place in the list."""

    joins: int
    priority: int


def simulate(calls: list[int], line: list[Waiting], opens: int, limits: Limits) -> list[tuple[int, int]]:
    """The moment of each one's call, tick by tick, straight from the rules; and how many were called before it."""
    placed, called, now = list(calls), dict[int, tuple[int, int]](), opens
    while len(called) < len(line):
        gap_is_over = not placed or now - placed[-1] >= limits.gap_ms
        in_window = [call for call in placed if call > now - limits.window_ms]
        ready = [number for number, each in enumerate(line) if number not in called and each.joins <= now]
        if gap_is_over and len(in_window) < limits.max_calls and ready:
            head = min(ready, key=lambda number: (-line[number].priority, number))
            called[head] = (now, len(called))
            placed.append(now)
        else:
            now += 1
    return [called[number] for number in range(len(line))]


def others_of(number: int, line: list[Waiting], opens: int) -> Others:
    """The line around one of it, as the scripts count it: who has joined by now, and who is scheduled."""

    def goes_before(other: int) -> bool:
        return (-line[other].priority, other) < (-line[number].priority, number)

    others = [other for other in range(len(line)) if other != number]
    in_line = [goes_before(other) for other in others if line[other].joins <= opens]
    beside = tuple((line[other].joins, goes_before(other)) for other in others if line[other].joins > opens)
    return Others(in_line.count(True), in_line.count(False), beside)


@given(
    gaps=st.lists(st.integers(1, 8), max_size=6),
    line=st.lists(st.builds(Waiting, st.integers(0, 40), st.integers(0, 2)), min_size=1, max_size=8),
    since=st.integers(0, 30),
    limits=st.builds(Limits, st.integers(0, 6), st.integers(1, 4), st.integers(1, 25)),
)
def test_the_forecast_comes_true(gaps: list[int], line: list[Waiting], since: int, limits: Limits) -> None:
    """Every notification of any line is called when it was foretold, and after as many others."""
    calls = [sum(gaps[: number + 1]) for number in range(len(gaps))]
    opens = (calls[-1] if calls else 0) + since
    foretold = [
        forecast(calls, others_of(number, line, opens), opens, each.joins, limits) for number, each in enumerate(line)
    ]
    assert foretold == simulate(calls, line, opens, limits)
    turns = [Turn(each.joins, (-each.priority, number)) for number, each in enumerate(line)]
    assert timetable(calls, turns, opens, limits) == [at for at, _ in foretold]


@pytest.mark.parametrize(
    ("deadlines", "called"),
    [
        ([None, None, None], [0, 30, 60]),
        ([None, 31, 61], [0, 30, 60]),
        ([None, 30, None], [0, None, 30]),  # it frees its place
        ([None, 30, 30], [0, None, None]),
        ([0, None, None], [None, 0, 30]),
    ],
)
def test_one_whose_deadline_came_is_not_called_and_the_next_is(
    deadlines: list[int | None], called: list[int | None]
) -> None:
    """A notification whose deadline has come when it is its turn is not called, and the next one is."""
    turns = [Turn(0, (0, number), deadline) for number, deadline in enumerate(deadlines)]
    assert timetable([], turns, 0, LIMITS) == called


def test_the_last_of_a_long_line_is_called_after_all_windows() -> None:
    """Behind a thousand others, the last is called after two hundred windows of five calls."""
    limits = Limits(gap_ms=30_500, max_calls=5, window_ms=86_400_500)
    assert forecast([], Others(before=1000), 0, 0, limits) == (200 * 86_400_500, 1000)
