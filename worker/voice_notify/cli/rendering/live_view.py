"""Rates and levels as they are now: a screen on a terminal, elsewhere a line for each reading."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from voice_notify.cli.rendering.live_rates import MEASURES, MINUTE_MS, MOMENT_MS, SHOWN_MS, Measure, Recent
from voice_notify.cli.rendering.pause import show_pause
from voice_notify.cli.rendering.statistics import show_quantile, show_spent
from voice_notify.cli.rendering.times import show_time
from voice_notify.documents.document import moment
from voice_notify.documents.pause import PauseDocument
from voice_notify.ledger.statistics import Histogram, Snapshot

#: What a line of the screen needs beside its sparkline, in characters.
_NUMBERS_WIDTH = 49
_BARS = "▁▂▃▄▅▆▇█"


@dataclass
class LiveView:
    """What is shown of an account while its counters are read again and again."""

    app_id: str
    daily_budget: int | None
    zone: tzinfo  #: of the times shown
    recent: Recent = field(default_factory=Recent)

    def line(self) -> str:
        """The newest reading on one line."""
        newest, at = self.recent.newest, self._newest_time()
        if self.recent.trouble:
            return f"{self.recent.trouble}; last read at {at}"
        parts = [f"{each.name} {self._now(each)}" for each in MEASURES]
        account = f"paused ({newest.pause.reason})" if newest.pause else "open"
        return "  ".join((at, *parts, f"workers {newest.workers}", f"account {account}"))

    def _now(self, measure: Measure) -> str:
        if measure.rate:
            return f"{_amount(self.recent.rate(measure, MOMENT_MS))}/s"
        return f"{measure.value(self.recent.newest):,}"

    def _newest_time(self) -> str:
        return show_time(moment(self.recent.newest.now_ms, self.zone))

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> RenderResult:
        """The screen, as wide as the terminal."""
        heading = f" {self.app_id}   {self._newest_time()}   "
        yield Text.assemble(("voice-notify", "bold"), heading, _workers(self.recent.newest))
        yield self._account()
        yield Text("")
        yield self._table(max(10, options.max_width - _NUMBERS_WIDTH))
        yield Text("")
        yield from self._details()
        yield Text("Ctrl-C ends", style="dim")

    def _account(self) -> Text:
        if self.recent.trouble:
            return Text(self.recent.trouble, style="bold red")
        pause = self.recent.newest.pause
        if pause:
            return Text(show_pause(PauseDocument.of(pause, self.zone)), style="bold red")
        return Text("account open, calls go out", style="green")

    def _table(self, width: int) -> Table:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        table.add_column("")
        for name in ("now", "last min", "peak"):
            table.add_column(name, justify="right", min_width=9, no_wrap=True)
        table.add_column(f"last {SHOWN_MS // MINUTE_MS} min", width=width, no_wrap=True)
        for each in MEASURES:
            table.add_row(*self._row(each, width))
        return table

    def _row(self, measure: Measure, width: int) -> tuple[Text | str, ...]:
        recent, values = self.recent, self.recent.columns(measure, width)
        name, spark = Text(measure.name, style=measure.style), Text(sparkline(values), style=measure.style)
        if measure.rate:
            now, minute = recent.rate(measure, MOMENT_MS), recent.rate(measure, MINUTE_MS)
            return name, *(f"{_amount(each)}/s" for each in (now, minute, _highest(now, minute, *values))), spark
        level = measure.value(recent.newest)
        change = level - measure.value(recent.since(MINUTE_MS))
        return name, f"{level:,}", f"{change:+,}", f"{_highest(*values):,.0f}", spark

    def _details(self) -> Iterator[Text]:
        newest, minute = self.recent.newest, self.recent.counted(MINUTE_MS)
        waits = ", ".join(f"{reason} {n:,}" for reason, n in newest.waiting.items())
        for name, text in (
            ("waits for", waits or "-"),
            ("begun late", f"{_quantiles(minute.lateness)} in the last minute"),
            ("replies", f"{_quantiles(minute.latency)} in the last minute"),
            ("spent today", show_spent(newest.spent, self.daily_budget)),
        ):
            yield Text.assemble((f"{name:<13}", "dim"), text, no_wrap=True, overflow="ellipsis")


def sparkline(values: Sequence[float | None]) -> str:
    """A bar for each value, the highest as high as a line; a space where there is none."""
    highest = _highest(*values) or 1
    return "".join(" " if value is None else _BARS[-(-int(value * 7000 / highest) // 1000)] for value in values)


def _highest(*values: float | None) -> float:
    return max((value for value in values if value is not None), default=0)


def _amount(value: float | None) -> str:
    return "-" if value is None else f"{value:,.1f}"


def _workers(snapshot: Snapshot) -> Text:
    count = snapshot.workers
    return Text(f"{count} worker{'s' * (count != 1)}", style="" if count else "bold red")


def _quantiles(histogram: Histogram) -> str:
    return "  ".join(f"p{round(share * 100)} {show_quantile(histogram, share)}" for share in (0.5, 0.95, 0.99))
