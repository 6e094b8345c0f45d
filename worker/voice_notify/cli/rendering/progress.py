"""What long work shows while it runs, on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

#: Is told how many are done and, where that is known, which share of the whole this is (0-1).
ShowProgress = Callable[[int, float | None], None]

_LINE_INTERVAL_S = 2.0


@contextmanager
def progress(what: str) -> Iterator[ShowProgress]:
    """Show how many of `what` are done: a bar on a terminal, elsewhere a plain line every two seconds."""
    if sys.stderr.isatty():
        with _bar(what) as show:
            yield show
    else:
        yield _lines(what)


@contextmanager
def _bar(what: str) -> Iterator[ShowProgress]:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        bar = bars.add_task(f"0 {what}", total=None)

        def show(done: int, share: float | None) -> None:
            total = None if share is None else 1.0
            bars.update(bar, description=f"{done:,} {what}", total=total, completed=share or 0.0)

        yield show


def _lines(what: str) -> ShowProgress:
    next_at = time.monotonic() + _LINE_INTERVAL_S

    def show(done: int, share: float | None) -> None:
        nonlocal next_at
        if time.monotonic() >= next_at:
            click.echo(f"{done:,} {what}" + ("" if share is None else f", {share:.0%}"), err=True)
            next_at = time.monotonic() + _LINE_INTERVAL_S

    return show
