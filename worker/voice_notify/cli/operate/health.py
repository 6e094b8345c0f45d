"""`voice-notify health`: for the health check of a container or a pod."""

from __future__ import annotations

import socket
import sys

import click

from voice_notify.accounts import Account
from voice_notify.cli.click_options import examples, pass_account
from voice_notify.cli.rendering.output import print_text
from voice_notify.errors import StoreUnavailable


@click.command(epilog=examples("voice-notify health", "voice-notify health --worker one@host-7"))
@click.option("--worker", metavar="NAME", help="The worker's name. Default: any worker of this host.")
@pass_account
def command(account: Account, worker: str | None) -> None:
    """Tell whether the worker of this host is alive.

    The exit code is 1 if Redis has not heard from it for 15 seconds: it hangs, or is not there. While Redis itself
    cannot be reached the exit code is 0: restarting the worker would not help, and it recovers by itself.
    """
    host = socket.gethostname()
    try:
        alive = account.ledger.workers()
    except StoreUnavailable as error:
        print_text(f"not known: {error}")
        return
    heard = [name for name in alive if (name == worker if worker else name.rpartition("@")[2] == host)]
    print_text(f"heard: {', '.join(sorted(heard))}" if heard else f"not heard: {worker or f'any worker of {host}'}")
    if not heard:
        sys.exit(1)
