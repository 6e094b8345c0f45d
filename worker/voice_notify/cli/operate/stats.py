"""`voice-notify stats`: what happened, day by day, and how things stand; with `--watch`, as it happens."""

from __future__ import annotations

import shutil
import sys

import click

from voice_notify.accounts import current_account
from voice_notify.cli.click_options import examples, json_option
from voice_notify.cli.operate.stats_views import day_rows, now_fields, snapshot_document
from voice_notify.cli.operate.watch import watch
from voice_notify.cli.rendering.output import print_fields, print_json, print_table, print_text
from voice_notify.ledger.statistics import MOST_DAYS, Day, Statistics

#: What a line of the table needs beside its days, and each of them, in characters.
_NAMES_WIDTH, _DAY_WIDTH = 34, 13


@click.command(epilog=examples("voice-notify stats", "voice-notify stats --days 7", "voice-notify stats --watch"))
@click.option("--days", type=click.IntRange(1, MOST_DAYS), default=2, show_default=True, help="Today and days before.")
@click.option("--watch", "watching", is_flag=True, help="Show rates as they are, until Ctrl-C.")
@click.option("--interval", type=click.FloatRange(0.1, 3600), default=1, show_default=True, help="Seconds, of --watch.")
@json_option
def command(*, days: int, watching: bool, interval: float, as_json: bool) -> None:
    """Show how things stand, and what happened on each day.

    Attempts by outcome and code, how notifications ended, billing units by template, calls that a limit
    deferred, how late calls were begun, and how soon the provider replied. A day is the provider's: it begins at
    midnight in China. "Perhaps billed" are calls of unknown outcome. Elsewhere than on a terminal, --watch prints
    lines.
    """
    statistics = Statistics(current_account().ledger, patient=not watching)
    if watching and as_json:
        raise click.UsageError("Give --watch or --json, not both.")
    if watching:
        watch(statistics.read, interval)
        return
    budget = current_account().settings.daily_budget
    snapshot = statistics.read(days)
    if as_json:
        print_json(snapshot_document(snapshot, budget))
        return
    for some in _groups(snapshot.days):
        dates = [day.day.isoformat() for day in some]
        print_table(("day", *dates), day_rows(some), numbers=dates)
        print_text("")
    print_text("now")  # last: on a small screen the end is what one sees
    print_fields(now_fields(snapshot, budget))


def _groups(days: tuple[Day, ...]) -> list[tuple[Day, ...]]:
    """As many days beside each other as the terminal is wide; elsewhere all."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize
    size = max(1, (width - _NAMES_WIDTH) // _DAY_WIDTH)
    return [days[i : i + size] for i in range(0, len(days), size)]
