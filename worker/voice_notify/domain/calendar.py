"""The provider's days, which begin at 00:00 China time (PROVIDER.md, code 606). It has no daylight saving."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

CHINA = timezone(timedelta(hours=8))


def next_china_midnight(now_ms: int) -> int:
    """The provider's next 00:00, in milliseconds since the epoch."""
    today = datetime.fromtimestamp(now_ms / 1000, CHINA).replace(hour=0, minute=0, second=0, microsecond=0)
    return round((today + timedelta(days=1)).timestamp() * 1000)


def china_day(now_ms: int) -> int:
    """The provider's day as the ledger counts them: days since 1970-01-01, China time."""
    return datetime.fromtimestamp(now_ms / 1000, CHINA).toordinal() - date(1970, 1, 1).toordinal()
