"""What the demo shows while it runs, and the table at its end."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from rich.console import Group
from rich.live import Live
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

import voice_notify
from voice_notify.accounts import current_account
from voice_notify.cli.rendering.notification import state_text
from voice_notify.cli.rendering.output import print_table, print_text
from voice_notify.cli.rendering.times import show_span
from voice_notify.demo.case import Case, Seen
from voice_notify.demo.stage import SHRUNK, Stage
from voice_notify.domain.masking import mask_mobile
from voice_notify.domain.states import Reason, State
from voice_notify.ledger.notifications import Explanation
from voice_notify.settings import Settings

_PARKED = {Reason.GAP, Reason.DAILY, Reason.BACKOFF}
_SECONDS_PER_LINE = 1.0
_MOST_PARKED = 3
_BAR_WIDTH = 48


@dataclass(frozen=True, slots=True)
class View:
    """How far the ledger is."""

    counts: dict[State, int]
    parked: Sequence[Explanation]

    @property
    def open(self) -> int:
        """How many notifications are not in a final state."""
        return sum(count for state, count in self.counts.items() if not state.final)

    def line(self) -> Text:
        """How many are in each state."""
        counted = (Text.assemble(f"{count} ", state_text(state)) for state, count in self.counts.items() if count)
        return Text("  ").join(counted)

    def waits(self) -> list[str]:
        """What some of the numbers wait for, and for how long."""
        return [
            f"{mask_mobile(each.record.mobile)}: {each.reason}, {_show_wait(each.due_ms - each.now_ms)}"
            for each in self.parked
            if each.due_ms
        ]


def _show_wait(ms: int) -> str:
    return show_span(timedelta(milliseconds=ms))


def watch(stage: Stage, tracked: Iterable[str]) -> None:
    """Show how far it is until nothing is open: redrawn on a terminal, elsewhere a line every second.

    For the notifications `tracked`, also what they wait for.
    """
    began = time.monotonic()
    views = _views(stage, list(tracked))
    last = _redraw(views) if sys.stdout.isatty() else _print_lines(views, began)
    print_text(Text.assemble(f"  {time.monotonic() - began:4.1f} s  ", last.line()))


def _views(stage: Stage, tracked: list[str]) -> Iterator[View]:
    for _ in stage.polls("every notification reaches a final state"):
        view = View(current_account().ledger.counts(), _parked(tracked))
        yield view
        if not view.open:
            return


def _parked(tracked: list[str]) -> list[Explanation]:
    """The first that waits for each of some numbers; what is settled leaves `tracked`."""
    parked: dict[str, Explanation] = {}
    for id_ in list(tracked):
        found = voice_notify.explain(id_)
        if found.record.state.final:
            tracked.remove(id_)
        elif found.reason in _PARKED:
            parked.setdefault(found.record.mobile, found)
        if len(parked) == _MOST_PARKED:
            break
    return list(parked.values())


def _redraw(views: Iterable[View]) -> View:
    with Live(transient=True) as live:
        for view in views:
            total = sum(view.counts.values())
            bar = Table.grid(padding=(0, 2))
            bar.add_row(ProgressBar(total, total - view.open, _BAR_WIDTH), f"{total - view.open} of {total} settled")
            live.update(Padding(Group(bar, view.line(), Text("\n".join(view.waits()), style="dim")), (0, 2)))
    return view


def _print_lines(views: Iterable[View], began: float) -> View:
    next_at = 0.0
    for view in views:
        now = time.monotonic()
        if now >= next_at and view.open:
            waits = f"  ({'; '.join(view.waits())})" if view.parked else ""
            print_text(Text.assemble(f"  {now - began:4.1f} s  ", view.line(), waits))
            next_at = now + _SECONDS_PER_LINE
    return view


def print_settings() -> None:
    """What is shrunk, and what it is in earnest."""
    print_text("The times are shrunk for this demo. The defaults are the real ones:")
    fields = Settings.model_fields
    print_table(
        ("setting", "here", "default", ""),
        ((name, f"{value:g} s", f"{fields[name].default:,g} s", meaning) for name, (value, meaning) in SHRUNK.items()),
    )


def print_outcomes(outcomes: Iterable[tuple[Case, Seen]]) -> None:
    """A row for each case."""
    marks = {True: Text("ok", style="green"), False: Text("FAILED", style="bold red")}
    print_table(
        ("", "case", "expected", "seen"),
        ((marks[seen.ok], case.name, case.expected, seen.text) for case, seen in outcomes),
    )
