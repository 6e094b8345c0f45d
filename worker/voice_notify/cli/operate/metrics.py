"""`voice-notify metrics`: the counters for Prometheus."""

from __future__ import annotations

import signal
import sys

import click
from prometheus_client import CollectorRegistry, generate_latest, start_wsgi_server

from voice_notify.accounts import Account
from voice_notify.cli.click_options import examples, pass_account
from voice_notify.cli.rendering.output import print_text
from voice_notify.ledger.statistics import Statistics
from voice_notify.monitoring.metrics import LedgerCollector


@click.command(epilog=examples("voice-notify metrics", "voice-notify metrics --once"))
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=9464, show_default=True, help="0 takes a free one.")
@click.option("--once", is_flag=True, help="Print the metrics and end. The exit code is 1 if Redis cannot be read.")
@pass_account
def command(account: Account, *, host: str, port: int, once: bool) -> None:
    """Serve the ledger's counters to Prometheus, as text, on every path.

    One is enough for any number of workers. It shows no number, no id and no text, but asks for no password either:
    leave it on an address that only Prometheus can reach. While Redis cannot be reached it answers with
    voice_notify_up 0.
    """
    registry = _registry(account)
    if once:
        click.echo(generate_latest(registry), nl=False)
        if not registry.get_sample_value("voice_notify_up"):
            raise click.ClickException("Redis cannot be read")
        return
    try:
        server, thread = start_wsgi_server(port, host, registry)
    except OSError as error:
        raise click.ClickException(f"cannot listen on {host}:{port}: {error.strerror or error}") from error
    _exit_on_signal()
    print_text(f"metrics at http://{host}:{server.server_port}/metrics")
    thread.join()


def _registry(account: Account) -> CollectorRegistry:
    statistics = Statistics(account.ledger, patient=False)
    registry = CollectorRegistry()
    registry.register(
        LedgerCollector(statistics.read, templates=account.templates, budget=account.settings.daily_budget)
    )
    return registry


def _exit_on_signal() -> None:
    """Let SIGTERM and Ctrl-C end the process; its server's thread is a daemon and ends with it."""
    for number in (signal.SIGTERM, signal.SIGINT):
        # Ctrl-C is ignored in a background job of a script, and stays ignored.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda *_: sys.exit(0))
