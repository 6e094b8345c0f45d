"""`python -m tests.chaos`: run under fire, reconcile, and say whether all guarantees held."""

from __future__ import annotations

import sys
import time
from statistics import median

import click
from rich.console import Console
from rich.table import Table

from tests.chaos.fire import run, scene
from tests.chaos.plan import Plan
from tests.chaos.reconcile import Findings, reconcile


@click.command(help=__doc__)
@click.option("--notifications", default=5000, show_default=True)
@click.option("--numbers", default=800, show_default=True)
@click.option("--producers", default=2, show_default=True)
@click.option("--workers", default=3, show_default=True)
@click.option("--worker-kills", default=30, show_default=True)
@click.option("--producer-kills", default=3, show_default=True)
@click.option("--redis-kills", default=3, show_default=True)
@click.option("--rolling-restarts", default=1, show_default=True, help="SIGTERM to all workers, one after the other.")
@click.option("--faults", default=10.0, show_default=True, help="Percent of the requests.")
@click.option("--seconds", default=90.0, show_default=True, help="Over which to submit and to kill.")
@click.option("--seed", default=1, show_default=True)
@click.option("--calls-per-second", default=0.0, help="Of the account: fewer than are submitted make a backlog.")
@click.option("--broker-url", help="RabbitMQ, say; default: the Redis that is killed.")
def main(broker_url: str | None, **options: float) -> None:
    """Run and judge."""
    console = Console(highlight=False)
    plan, began = Plan(**options), time.monotonic()  # type: ignore[arg-type] # click has converted them
    with scene(plan, broker_url) as made:
        run(made, console.print)
        found = reconcile(made)
    _show(console, found, time.monotonic() - began)
    sys.exit(0 if found.held else 1)


def _show(console: Console, found: Findings, seconds: float) -> None:
    table = Table("chaos", "", title=None)
    table.add_row("submitted", str(found.submitted))
    for state, count in sorted(found.states.items()):
        table.add_row(f"  {state}", str(count))
    table.add_row("lost", _judged(found.lost))
    table.add_row("window violations", str(found.violations))
    table.add_row("duplicates", str(found.duplicates))
    table.add_row("  not after a recorded unknown outcome", _judged(found.unexplained))
    table.add_row("calls and ledger disagree", _judged(found.unaccounted))
    table.add_row("called after the deadline", _judged(found.overdue))
    table.add_row("passed over by less urgent ones", _judged(found.passed_over))
    for priority, late in sorted(found.lateness.items(), reverse=True):
        table.add_row(f"  lateness of priority {priority}: half, the last", f"{median(late):.1f} s, {max(late):.1f} s")
    table.add_row("run time", f"{seconds:.0f} s")
    console.print(table)
    console.print("All guarantees held." if found.held else "A guarantee was broken.")


def _judged(keys: list[str]) -> str:
    return f"{len(keys)}  {' '.join(keys[:5])}".rstrip()


main()
