"""The counters as people see them, and as JSON."""

from __future__ import annotations

from math import inf, isfinite
from typing import TYPE_CHECKING

from rich.text import Text

from voice_notify.cli.rendering.output import iso_time, show_span
from voice_notify.cli.rendering.views import pause_document, show_pause
from voice_notify.domain.outcome import Kind
from voice_notify.domain.states import State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from voice_notify.ledger.statistics import Counters, Day, Histogram, Snapshot

#: A name, and a cell for each day.
Row = tuple[Text | str, ...]

_QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
_WITHIN_MS = (250, 1000, 10_000, 60_000)
_SECOND, _MINUTE = 1000, 60_000  # milliseconds


def show_quick(ms: float | None) -> str:
    """A short length of time: `85 ms`, `2.5 s`, `5 min`; a dash where there is none."""
    if ms is None:
        return "-"
    if ms < _SECOND:
        return f"{ms:.0f} ms"
    return f"{ms / _SECOND:.3g} s" if ms < _MINUTE else show_span(round(ms))


def show_quantile(histogram: Histogram, share: float) -> str:
    """The time within which `share` fell, or more than what is the last bound."""
    ms = histogram.quantile_ms(share)
    return f"> {show_quick(histogram.bounds_ms[-1])}" if ms == inf else show_quick(ms)


# Now.


def now_fields(snapshot: Snapshot, budget: int | None) -> list[tuple[str, Text | str]]:
    """How things stand, as names and values."""
    pause, reasons = snapshot.pause, ", ".join(f"{reason} {n:,}" for reason, n in snapshot.waiting.items())
    waiting, dead = snapshot.states[State.WAITING], snapshot.states[State.DEAD]
    first = f" not yet begun, the first for {show_span(snapshot.oldest_due_ms)}" if snapshot.due else ""
    return [
        ("account", Text(show_pause(pause), style="bold red") if pause else Text("open, calls go out", style="green")),
        ("workers", f"{snapshot.workers} alive" if snapshot.workers else Text("none: nothing is called", style="red")),
        ("waiting", f"{waiting:,}" + (f": {reasons}" if reasons else "")),
        ("calling", f"{snapshot.in_flight:,}"),
        ("due", f"{snapshot.due:,}{first}"),
        ("dead letters", f"{dead:,}" + (": voice-notify dlq list" if dead else "")),
        ("spent today", show_spent(snapshot.spent, budget)),
    ]


def show_spent(spent: int, budget: int | None) -> str:
    """Units, and what is left of the day's budget where there is one."""
    return f"{spent:,} units" if budget is None else f"{spent:,} of {budget:,} units, {max(0, budget - spent):,} left"


# Day by day.


def day_rows(days: Sequence[Day]) -> list[Row]:
    """What happened, a column for each day; what never happened is left out."""
    counted = [day.counters for day in days]
    return [
        _row("submitted", counted, lambda day: f"{day.submitted:,}"),
        *([_row("replayed", counted, lambda day: f"{day.replayed:,}")] if any(c.replayed for c in counted) else []),
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
    title: str, counts: Sequence[Mapping[str, int]], order: Callable[[str], object] = lambda name: name
) -> list[Row]:
    names = sorted({name for day in counts for name in day}, key=order)  # type: ignore[arg-type]
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
        *((f"  within {show_quick(ms)}", *(_share(day.share_within(ms)) for day in histograms)) for ms in within),
    ]


def _worst(day: Histogram) -> str:
    worst = day.worst_ms
    if worst is None:
        return "-"
    return f"> {show_quick(day.bounds_ms[-1])}" if worst == inf else f"≤ {show_quick(worst)}"


def _share(share: float | None) -> str:
    # 99.96 % is not all of them.
    return "-" if share is None else f"{int(share * 1000) / 10:g} %"


# JSON.


def snapshot_document(snapshot: Snapshot, budget: int | None) -> dict[str, object]:
    """All of it for JSON; times in milliseconds."""
    return {
        "time": iso_time(snapshot.now_ms),
        "now": {
            "paused": pause_document(snapshot.pause),
            "workers": snapshot.workers,
            "waiting": snapshot.states[State.WAITING],
            "waiting_by_reason": dict(snapshot.waiting),
            "calling": snapshot.in_flight,
            "due": snapshot.due,
            "oldest_due_ms": snapshot.oldest_due_ms,
            "dead": snapshot.states[State.DEAD],
            "spent_today": snapshot.spent,
            "daily_budget": budget,
        },
        "days": [{"day": day.day.isoformat()} | _counters_document(day.counters) for day in snapshot.days],
        "since_ever": _counters_document(snapshot.totals),
    }


def _counters_document(counters: Counters) -> dict[str, object]:
    return {
        "submitted": counters.submitted,
        "replayed": counters.replayed,
        "attempts": [{"kind": kind, "code": code, "count": n} for (kind, code), n in counters.attempts.items()],
        "ended": [{"state": state, "reason": reason, "count": n} for (state, reason), n in counters.finals.items()],
        "units": counters.units,
        "unsure_units": counters.unsure_units,
        "deferred": counters.deferred,
        "lateness": _histogram_document(counters.lateness),
        "latency": _histogram_document(counters.latency),
    }


def _histogram_document(histogram: Histogram) -> dict[str, object]:
    quantiles = {name: histogram.quantile_ms(share) for name, share in _QUANTILES.items()}
    return {
        "count": histogram.total,
        "sum_ms": histogram.sum_ms,
        "buckets": dict(zip((*map(str, histogram.bounds_ms), "inf"), histogram.counts, strict=True)),
        **{f"{name}_ms": round(ms) if ms is not None and isfinite(ms) else None for name, ms in quantiles.items()},
    }
