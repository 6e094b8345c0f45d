"""What the demo shows while it waits: how many notifications are in each state, and what some of them wait for."""

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
from voice_notify.cli.rendering.output import print_text
from voice_notify.cli.rendering.times import show_span
from voice_notify.demo.services import Services
from voice_notify.domain.masking import mask_mobile
from voice_notify.domain.reasons import Reason
from voice_notify.domain.states import State
from voice_notify.ledger.explanation import Explanation

#: What makes a number worth showing: it waits for a reason of its own.
_SHOWN_REASONS = {Reason.GAP, Reason.DAILY, Reason.BACKOFF}
_NUMBERS_SHOWN = 3
_LINE_INTERVAL_S = 1.0
_BAR_WIDTH = 48  # characters


@dataclass(frozen=True, slots=True)
class Progress:
    """The notifications at one moment."""

    counts: dict[State, int]  #: of all notifications
    waiting: Sequence[Explanation]  #: the first one of each number that is shown

    @property
    def open(self) -> int:
        """The number of notifications that are not in a final state."""
        return sum(count for state, count in self.counts.items() if not state.final)

    def states(self) -> Text:
        """Return how many are in each state, on one line."""
        counted = (Text.assemble(f"{count} ", state_text(state)) for state, count in self.counts.items() if count)
        return Text("  ").join(counted)

    def waits(self) -> list[str]:
        """Return what some numbers wait for, and for how long: a line for each."""
        return [
            f"{mask_mobile(each.record.mobile)}: {each.reason}, {_show_wait(each.due_ms - each.now_ms)}"
            for each in self.waiting
            if each.due_ms
        ]


def show_progress(services: Services, tracked: Iterable[str]) -> None:
    """Show the progress until nothing is open: redrawn in place on a terminal, elsewhere as a line every second.

    Of the notifications `tracked`, it shows what they wait for.
    """
    began = time.monotonic()
    steps = _observe(services, list(tracked))
    last = _redraw(steps) if sys.stdout.isatty() else _print_lines(steps, began)
    print_text(Text.assemble(f"  {time.monotonic() - began:4.1f} s  ", last.states()))


def _observe(services: Services, tracked: list[str]) -> Iterator[Progress]:
    for _ in services.poll("every notification reaches a final state"):
        progress = Progress(current_account().ledger.counts(), _find_waiting(tracked))
        yield progress
        if not progress.open:
            return


def _find_waiting(tracked: list[str]) -> list[Explanation]:
    """Return the first that waits for each of some numbers. What has ended is removed from `tracked`."""
    waiting: dict[str, Explanation] = {}
    for id_ in list(tracked):
        found = voice_notify.explain(id_)
        if found.record.state.final:
            tracked.remove(id_)
        elif found.reason in _SHOWN_REASONS:
            waiting.setdefault(found.record.mobile, found)
        if len(waiting) == _NUMBERS_SHOWN:
            break
    return list(waiting.values())


def _redraw(steps: Iterable[Progress]) -> Progress:
    with Live(transient=True) as live:
        for progress in steps:
            total = sum(progress.counts.values())
            ended = total - progress.open
            bar = Table.grid(padding=(0, 2))
            bar.add_row(ProgressBar(total, ended, _BAR_WIDTH), f"{ended} of {total} ended")
            waits = Text("\n".join(progress.waits()), style="dim")
            live.update(Padding(Group(bar, progress.states(), waits), (0, 2)))
    return progress


def _print_lines(steps: Iterable[Progress], began: float) -> Progress:
    next_at = 0.0
    for progress in steps:
        now = time.monotonic()
        if now >= next_at and progress.open:
            waits = f"  ({'; '.join(progress.waits())})" if progress.waiting else ""
            print_text(Text.assemble(f"  {now - began:4.1f} s  ", progress.states(), waits))
            next_at = now + _LINE_INTERVAL_S
    return progress


def _show_wait(ms: int) -> str:
    return show_span(timedelta(milliseconds=ms))
