"""`voice-notify stats --watch`: the counters are read again and again."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator

import click
from rich.console import Console
from rich.live import Live

from voice_notify.cli.rendering.live_rates import Recent
from voice_notify.cli.rendering.live_view import LiveView
from voice_notify.errors import StoreUnavailable
from voice_notify.ledger.statistics import Snapshot


def watch(read: Callable[[], Snapshot], view: LiveView, interval: float) -> None:
    """Show a reading every `interval` seconds until Ctrl-C: on a screen of its own, elsewhere as lines."""
    readings = _readings(view.recent, read, interval)
    try:
        if not sys.stdout.isatty():
            for _ in readings:
                click.echo(view.line())
            return
        with Live(console=Console(highlight=False, emoji=False), screen=True, auto_refresh=False) as live:
            for _ in readings:
                live.update(view, refresh=True)
    except KeyboardInterrupt:
        return


def _readings(recent: Recent, read: Callable[[], Snapshot], interval: float) -> Iterator[None]:
    """Read without end; a Redis that is away for a time is trouble to be shown, not an end."""
    recent.add(read())  # at first it is an error like any other
    while True:
        yield
        time.sleep(interval)
        try:
            recent.add(read())
        except StoreUnavailable as error:
            recent.trouble = str(error)
