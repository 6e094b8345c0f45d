"""`voice-notify stats`: what happened, day by day, and the current situation; with `--watch`, as it happens."""

from __future__ import annotations

import shutil
import sys

import click

from voice_notify.accounts import Account
from voice_notify.cli.click_options import examples, json_option, pass_account, zone_of
from voice_notify.cli.operate.stats_watch import watch
from voice_notify.cli.rendering.live_view import LiveView
from voice_notify.cli.rendering.output import print_json
from voice_notify.cli.rendering.statistics import print_days, print_now
from voice_notify.documents.statistics import StatisticsDocument
from voice_notify.ledger.statistics import MOST_DAYS, Statistics


@click.command(epilog=examples("voice-notify stats", "voice-notify stats --days 7", "voice-notify stats --watch"))
@click.option("--days", type=click.IntRange(1, MOST_DAYS), default=2, show_default=True, help="Days, today included.")
@click.option("--watch", "watching", is_flag=True, help="Show live rates until Ctrl-C.")
@click.option(
    "--interval",
    type=click.FloatRange(0.1, 3600),
    default=1,
    show_default=True,
    help="Seconds between two readings of --watch.",
)
@json_option
@pass_account
def command(account: Account, *, days: int, watching: bool, interval: float, as_json: bool) -> None:
    """Show the current situation, and what happened on each day.

    Attempts by outcome and code, how notifications ended, billing units by template, calls that a limit deferred, how
    late calls began, and how soon the provider replied. A day is the provider's: it begins at midnight in China.
    "Perhaps billed" are calls with an unknown outcome. On a terminal --watch draws a screen, elsewhere it prints lines.
    """
    if watching and as_json:
        raise click.UsageError("Give --watch or --json, not both.")
    statistics = Statistics(account.ledger, patient=not watching)
    budget, zone = account.settings.daily_budget, zone_of(account)
    if watching:
        watch(statistics.read, LiveView(account.settings.app_id, budget, zone), interval)
        return
    snapshot = statistics.read(days)
    document = StatisticsDocument.of(snapshot, budget, zone)
    if as_json:
        print_json(document)
        return
    print_days(snapshot.days, shutil.get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize)
    print_now(document.now)  # last: on a small screen the end is what one sees
