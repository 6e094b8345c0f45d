"""`voice-notify stats --watch`: rates and levels as they are, drawn anew each second."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import click
from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.table import Table
from rich.text import Text

from voice_notify.accounts import current_account
from voice_notify.cli.operate.stats_views import show_quantile, show_spent
from voice_notify.cli.rendering.output import show_time
from voice_notify.cli.rendering.views import show_pause
from voice_notify.domain.outcome import Kind
from voice_notify.domain.states import State
from voice_notify.errors import StoreUnavailable
from voice_notify.ledger.statistics import Counters, Snapshot

#: What the sparklines show, and what a rate of this moment and of the last minute is taken over; milliseconds.
_SHOWN_MS, _MOMENT_MS, _MINUTE_MS = 240_000, 5_000, 60_000
_NAMES_WIDTH = 49
_BARS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True)
class Measure:
    """One line of the view."""

    name: str
    style: str
    value: Callable[[Snapshot], int]
    rate: bool  #: a counter, shown per second; else a level


def _attempts(*kinds: Kind) -> Callable[[Snapshot], int]:
    return lambda snapshot: snapshot.totals.attempts_of(*kinds)


MEASURES = (
    Measure("submitted", "", lambda snapshot: snapshot.totals.submitted, rate=True),
    Measure("accepted", "green", _attempts(Kind.ACCEPTED), rate=True),
    Measure("not placed", "red", _attempts(Kind.TRANSIENT, Kind.TOMORROW, Kind.REFUSED, Kind.ACCOUNT), rate=True),
    Measure("unknown", "magenta", _attempts(Kind.UNCONFIRMED, Kind.UNCLEAR), rate=True),
    Measure("deferred", "dim", lambda snapshot: sum(snapshot.totals.deferred.values()), rate=True),
    Measure("waiting", "yellow", lambda snapshot: snapshot.states[State.WAITING], rate=False),
    Measure("calling", "cyan", lambda snapshot: snapshot.in_flight, rate=False),
    Measure("due", "yellow", lambda snapshot: snapshot.due, rate=False),
    Measure("dead letters", "red", lambda snapshot: snapshot.states[State.DEAD], rate=False),
)


@dataclass
class Recent:
    """The readings of the last minutes, oldest first."""

    readings: deque[Snapshot] = field(default_factory=deque)
    trouble: str = ""  #: why there is no newer one

    def add(self, snapshot: Snapshot) -> None:
        """Keep a reading, and let go of those that are no longer shown."""
        self.readings.append(snapshot)
        self.trouble = ""
        while self.readings[0].now_ms < snapshot.now_ms - _SHOWN_MS - _MINUTE_MS:
            self.readings.popleft()

    @property
    def newest(self) -> Snapshot:
        """The last reading."""
        return self.readings[-1]

    def since(self, ms: int) -> Snapshot:
        """The reading of `ms` ago, or the oldest after that."""
        return next(each for each in self.readings if each.now_ms >= self.newest.now_ms - ms)

    def counted(self, ms: int) -> Counters:
        """What happened in the last `ms`."""
        return self.newest.totals - self.since(ms).totals

    def rate(self, measure: Measure, ms: int) -> float | None:
        """Per second, in the last `ms`; None where there is but one reading."""
        earlier, newest = self.since(ms), self.newest
        if earlier is newest:
            # After a silence the last reading is the only one of the last seconds.
            earlier = self.readings[-2] if len(self.readings) > 1 else newest
        return _rate(measure, earlier, newest)

    def columns(self, measure: Measure, width: int) -> list[float | None]:
        """A value for each of `width` equal parts of the time shown, the newest last; None where nothing was read."""
        step = -(-_SHOWN_MS // width)
        last = {reading.now_ms // step: reading for reading in self.readings}
        now = self.newest.now_ms // step
        values: list[float | None] = []
        for part in range(now - width + 1, now + 1):
            reading = last.get(part)
            earlier = next((last[before] for before in sorted(last, reverse=True) if before < part), None)
            if reading is None or (measure.rate and earlier is None):
                values.append(None)
            else:
                values.append(_rate(measure, earlier, reading) if measure.rate and earlier else measure.value(reading))
        return values


def _rate(measure: Measure, earlier: Snapshot, later: Snapshot) -> float | None:
    seconds = (later.now_ms - earlier.now_ms) / 1000
    # Less than before: Redis was emptied.
    return max(0, measure.value(later) - measure.value(earlier)) / seconds if seconds > 0 else None


def sparkline(values: Sequence[float | None]) -> str:
    """A bar for each value, the highest as high as a line; a space where there is none."""
    highest = _highest(*values) or 1
    return "".join(" " if value is None else _BARS[-(-int(value * 7000 / highest) // 1000)] for value in values)


def watch(read: Callable[[], Snapshot], interval: float) -> None:
    """Show a reading every `interval` seconds until Ctrl-C: on a screen of its own, elsewhere as lines."""
    recent = Recent()
    try:
        if not sys.stdout.isatty():
            for _ in _readings(recent, read, interval):
                click.echo(line(recent))
            return
        with Live(console=Console(highlight=False, emoji=False), screen=True, auto_refresh=False) as live:
            for _ in _readings(recent, read, interval):
                live.update(Screen(recent), refresh=True)
    except KeyboardInterrupt:
        return


def _readings(recent: Recent, read: Callable[[], Snapshot], interval: float) -> Iterator[None]:
    """Read for ever; a Redis that is away for a time is trouble to be shown, not an end."""
    recent.add(read())  # at first it is an error like any other
    while True:
        yield
        time.sleep(interval)
        try:
            recent.add(read())
        except StoreUnavailable as error:
            recent.trouble = str(error)


def line(recent: Recent) -> str:
    """The newest reading on one line."""
    newest = recent.newest
    if recent.trouble:
        return f"{recent.trouble}; last read at {show_time(newest.now_ms)}"
    parts = [f"{each.name} {_now(recent, each)}{'/s' if each.rate else ''}" for each in MEASURES]
    account = f"paused ({newest.pause.reason})" if newest.pause else "open"
    return "  ".join((show_time(newest.now_ms), *parts, f"workers {newest.workers}", f"account {account}"))


def _now(recent: Recent, measure: Measure) -> str:
    return _amount(recent.rate(measure, _MOMENT_MS)) if measure.rate else f"{measure.value(recent.newest):,}"


def _highest(*values: float | None) -> float:
    return max((value for value in values if value is not None), default=0)


def _amount(value: float | None) -> str:
    return "-" if value is None else f"{value:,.1f}"


@dataclass
class Screen:
    """The view on a terminal, as wide as that is."""

    recent: Recent

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> RenderResult:
        """For rich."""
        newest = self.recent.newest
        yield Text.assemble(
            ("voice-notify", "bold"),
            f" {current_account().settings.app_id}   {show_time(newest.now_ms)}   ",
            _workers(newest),
        )
        yield self._account()
        yield Text("")
        yield self._table(max(10, options.max_width - _NAMES_WIDTH))
        yield Text("")
        yield from self._details()
        yield Text("Ctrl-C ends", style="dim")

    def _account(self) -> Text:
        if self.recent.trouble:
            return Text(self.recent.trouble, style="bold red")
        pause = self.recent.newest.pause
        return Text(show_pause(pause), style="bold red") if pause else Text("account open, calls go out", style="green")

    def _table(self, width: int) -> Table:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        table.add_column("")
        for name in ("now", "last min", "peak"):
            table.add_column(name, justify="right", min_width=9, no_wrap=True)
        table.add_column(f"last {_SHOWN_MS // _MINUTE_MS} min", width=width, no_wrap=True)
        for each in MEASURES:
            table.add_row(*self._row(each, width))
        return table

    def _row(self, measure: Measure, width: int) -> tuple[Text | str, ...]:
        recent, values = self.recent, self.recent.columns(measure, width)
        name, spark = Text(measure.name, style=measure.style), Text(sparkline(values), style=measure.style)
        if measure.rate:
            now, minute = recent.rate(measure, _MOMENT_MS), recent.rate(measure, _MINUTE_MS)
            return name, *(f"{_amount(each)}/s" for each in (now, minute, _highest(now, minute, *values))), spark
        level = measure.value(recent.newest)
        change = level - measure.value(recent.since(_MINUTE_MS))
        return name, f"{level:,}", f"{change:+,}", f"{_highest(*values):,.0f}", spark

    def _details(self) -> Iterator[Text]:
        newest, minute = self.recent.newest, self.recent.counted(_MINUTE_MS)
        waits = ", ".join(f"{reason} {n:,}" for reason, n in newest.waiting.items())
        for name, text in (
            ("waits for", waits or "-"),
            ("begun late", f"{_quantiles(minute, 'lateness')} in the last minute"),
            ("replies", f"{_quantiles(minute, 'latency')} in the last minute"),
            ("spent today", show_spent(newest.spent, current_account().settings.daily_budget)),
        ):
            yield Text.assemble((f"{name:<13}", "dim"), text, no_wrap=True, overflow="ellipsis")


def _workers(snapshot: Snapshot) -> Text:
    count = snapshot.workers
    return Text(f"{count} worker{'s' * (count != 1)}", style="" if count else "bold red")


def _quantiles(counters: Counters, name: str) -> str:
    histogram = counters.lateness if name == "lateness" else counters.latency
    return "  ".join(f"p{round(share * 100)} {show_quantile(histogram, share)}" for share in (0.5, 0.95, 0.99))
