"""Moments and lengths of time as people read them."""

from __future__ import annotations

from datetime import datetime, timedelta


def show_time(at: datetime) -> str:
    """`14:05:06`, with the date in front unless that is today: `2026-11-23 14:05:06`; in the zone of `at`."""
    today = datetime.now(at.tzinfo).date()
    return f"{at:%H:%M:%S}" if at.date() == today else f"{at:%Y-%m-%d %H:%M:%S}"


def show_clock(at: datetime) -> str:
    """`14:05`, for the axis of a picture."""
    return f"{at:%H:%M}"


def show_span(span: timedelta) -> str:
    """A length of time in its two greatest units: `12 s`, `3 h 20 min`."""
    seconds = max(0, round(span.total_seconds()))
    units = {"d": seconds // 86_400, "h": seconds // 3600 % 24, "min": seconds // 60 % 60, "s": seconds % 60}
    parts = [f"{count} {unit}" for unit, count in units.items() if count]
    return " ".join(parts[:2]) or "0 s"


def show_due(due: datetime, now: datetime) -> str:
    """A moment, and how long it is from now: `14:05:06 (in 12 s)`."""
    return f"{show_time(due)} (in {show_span(due - now)})" if due > now else f"{show_time(due)} (now)"
