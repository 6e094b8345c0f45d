"""When a number may be called next (PROVIDER.md, Rules of use), in milliseconds of Redis's clock.

The scripts decide; this predicts, for `r.eta` and `explain`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """The provider's windows for one number, our guard included."""

    gap_ms: int  #: least time between two calls
    max_calls: int  #: calls in any `window_ms`
    window_ms: int


def next_free(calls: Sequence[int], limits: Limits) -> int:
    """The earliest moment for a call after `calls` (their stamps, oldest first)."""
    free = calls[-1] + limits.gap_ms if calls else 0
    if len(calls) >= limits.max_calls:
        free = max(free, calls[-limits.max_calls] + limits.window_ms)
    return free


def earliest(calls: Sequence[int], ahead: int, start_ms: int, limits: Limits) -> int:
    """The earliest moment for a call that stands behind `ahead` others, none of them before `start_ms`.

    Once `max_calls` have been placed, the pattern repeats every `max(window, max_calls * gap)`: a line of any length
    costs the same to predict.
    """
    stamps = list(calls)[-limits.max_calls :]
    period = max(limits.window_ms, limits.max_calls * limits.gap_ms)
    cycles = max(0, ahead // limits.max_calls - 1)
    for _ in range(ahead - cycles * limits.max_calls):
        stamps.append(max(start_ms, next_free(stamps, limits)))
    return max(start_ms, next_free(stamps, limits)) + cycles * period
