"""The counters as tables: a column for each day, and the current situation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from math import inf

from rich.text import Text

from voice_notify.cli.rendering.output import print_fields, print_table, print_text
from voice_notify.cli.rendering.pause import show_pause
from voice_notify.cli.rendering.times import show_span
from voice_notify.documents.statistics import NowDocument
from voice_notify.domain.outcome import Kind
from voice_notify.ledger.statistics import Counters, Day, Histogram

#: A name, and a cell for each day.
Row = tuple[Text | str, ...]

#: What a line of the table needs for its name, in characters.
_NAME_WIDTH = 34
#: What it needs for each day, in characters.
_DAY_WIDTH = 13
_QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
_WITHIN_MS = (250, 1000, 10_000, 60_000)
_SECOND_MS = 1000
_MINUTE_MS = 60_000


def print_days(days: Sequence[Day], width: int) -> None:
    """What happened, a column for each day, in as many tables as a screen of `width` characters needs."""
    size = max(1, (width - _NAME_WIDTH) // _DAY_WIDTH)
    for group in (days[i : i + size] for i in range(0, len(days), size)):
        dates = [day.day.isoformat() for day in group]
        print_table(("day", *dates), _day_rows(group), numbers=dates)
        print_text("")


def print_now(now: NowDocument) -> None:
    """The current situation."""
    print_text("now")
    print_fields(_now_fields(now))


def show_spent(spent: int, budget: int | None) -> str:
    """Billing units, and what is left of the day's budget where there is one."""
    return f"{spent:,} units" if budget is None else f"{spent:,} of {budget:,} units, {max(0, budget - spent):,} left"


def show_quantile(histogram: Histogram, share: float) -> str:
    """The time within which `share` (0-1) fell, or more than the last bound."""
    ms = histogram.quantile_ms(share)
    return f"> {_show_ms(histogram.bounds_ms[-1])}" if ms == inf else _show_ms(ms)


def _show_ms(ms: float | None) -> str:
    """A short length of time: `85 ms`, `2.5 s`, `5 min`; a dash where there is none."""
    if ms is None:
        return "-"
    if ms < _SECOND_MS:
        return f"{ms:.0f} ms"
    return f"{ms / _SECOND_MS:.3g} s" if ms < _MINUTE_MS else show_span(timedelta(milliseconds=ms))


def _now_fields(now: NowDocument) -> list[tuple[str, Text | str]]:
    pause, reasons = now.paused, ", ".join(f"{reason} {n:,}" for reason, n in now.waiting_by_reason.items())
    oldest = show_span(timedelta(milliseconds=now.oldest_due_ms))
    return [
        ("account", Text(show_pause(pause), style="bold red") if pause else Text("open, calls go out", style="green")),
        ("workers", f"{now.workers} alive" if now.workers else Text("none: nothing is called", style="red")),
        ("waiting", f"{now.waiting:,}" + (f": {reasons}" if reasons else "")),
        ("calling", f"{now.calling:,}"),
        ("due", f"{now.due:,}" + (f" not yet begun, the first for {oldest}" if now.due else "")),
        ("dead letters", f"{now.dead:,}" + (": voice-notify dlq list" if now.dead else "")),
        ("spent today", show_spent(now.spent_today, now.daily_budget)),
    ]


def _day_rows(days: Sequence[Day]) -> list[Row]:
    """What happened, with a cell for each day; what never happened is left out."""
    counted = [day.counters for day in days]
    return [
        _row("submitted", counted, lambda day: f"{day.submitted:,}"),
        *([_row("replayed", counted, lambda day: f"{day.replayed:,}")] if any(c.replayed for c in counted) else []),
        *([_row("dropped", counted, lambda day: f"{day.dropped:,}")] if any(c.dropped for c in counted) else []),
        *_section("attempts", [_named(c.attempts, " ".join) for c in counted], _by_kind),
        *_section("ended", [_named(c.finals, _final) for c in counted]),
        *_section("billing units", [_units(c) for c in counted]),
        *_section("deferred by a limit", [c.deferred for c in counted]),
        *_times("begun late by", [c.lateness for c in counted], _WITHIN_MS),
        *_times("provider's reply after", [c.latency for c in counted]),
    ]


def _row(name: str, counted: Iterable[Counters], show: Callable[[Counters], str]) -> Row:
    return (Text(name, style="bold"), *(show(day) for day in counted))


def _section(
    title: str, counts: Sequence[Mapping[str, int]], order: Callable[[str], tuple[int, str]] = lambda name: (0, name)
) -> list[Row]:
    names = sorted({name for day in counts for name in day}, key=order)
    rows: list[Row] = [(f"  {name}", *(f"{day.get(name, 0):,}" for day in counts)) for name in names]
    return [(Text(title, style="bold"), *("" for _ in counts)), *rows] if rows else []


def _named(counts: Mapping[tuple[str, str], int], name: Callable[[tuple[str, str]], str]) -> dict[str, int]:
    return {name(pair): n for pair, n in counts.items()}


def _final(pair: tuple[str, str]) -> str:
    return f"{pair[0]} ({pair[1]})"


def _by_kind(name: str) -> tuple[int, str]:
    kinds = [str(kind) for kind in Kind]
    kind = name.partition(" ")[0]
    return (kinds.index(kind) if kind in kinds else len(kinds), name)


def _units(day: Counters) -> dict[str, int]:
    return day.units | {f"{template}, perhaps billed": n for template, n in day.unsure_units.items()}


def _times(title: str, histograms: Sequence[Histogram], within: Iterable[int] = ()) -> list[Row]:
    if not any(day.total for day in histograms):
        return []
    return [
        (Text(title, style="bold"), *("" for _ in histograms)),
        *((f"  {name}", *(show_quantile(day, share) for day in histograms)) for name, share in _QUANTILES.items()),
        ("  worst", *(_worst(day) for day in histograms)),
        *((f"  within {_show_ms(ms)}", *(_share(day.share_within(ms)) for day in histograms)) for ms in within),
    ]


def _worst(day: Histogram) -> str:
    worst = day.worst_ms
    if worst is None:
        return "-"
    return f"> {_show_ms(day.bounds_ms[-1])}" if worst == inf else f"≤ {_show_ms(worst)}"


def _share(share: float | None) -> str:
    # 99.96 % is not all of them.
    return "-" if share is None else f"{int(share * 1000) / 10:g} %"
