"""Scores in the order of priority, then time, as `lua/shared/bands.lua` has them."""

from __future__ import annotations

PRIORITIES = range(9, -1, -1)
_BAND = 2**42


def banded(priority: int, at_ms: int) -> int:
    """The score of what is due at a time; the scores of higher priorities are smaller.

    >>> banded(9, 1000) < banded(9, 1001) < banded(8, 0)
    True
    """
    return (9 - priority) * _BAND + at_ms


def time_of(score: float) -> int:
    """The time in a score."""
    return int(score) % _BAND
