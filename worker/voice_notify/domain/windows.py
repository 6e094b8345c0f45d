"""The windows of one number (PROVIDER.md, Rules of use), in milliseconds of Redis's clock.

The scripts decide (`ledger/lua/shared/windows.lua`); this is the same rule for those who predict.
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
    """The earliest moment for a call after `calls` (their times, oldest first)."""
    free = calls[-1] + limits.gap_ms if calls else 0
    if len(calls) >= limits.max_calls:
        free = max(free, calls[-limits.max_calls] + limits.window_ms)
    return free


def parse_call_times(text: str) -> tuple[int, ...]:
    """The times of a number's newest calls, oldest first, as the ledger keeps them: by commas."""
    return tuple(int(call_time) for call_time in text.split(",") if call_time)
