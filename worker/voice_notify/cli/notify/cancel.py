"""`voice-notify cancel`: notifications are withdrawn, by their ids."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from voice_notify.accounts import Account
from voice_notify.cli.click_options import confirm, dry_run_option, examples, pass_account, yes_option
from voice_notify.cli.rendering.output import print_text
from voice_notify.domain.states import State
from voice_notify.errors import UnknownNotification

#: What became of a cancellation, by the state before it.
_CANCELLED = {
    State.WAITING: "cancelled",
    State.CALLING: "its call is on the wire and cannot be called back; nothing follows it",
}


@click.command(epilog=examples("voice-notify cancel 5f1e0c6b7a1d4e2f9b3c8d70"))
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@dry_run_option
@yes_option
@pass_account
def command(account: Account, ids: Sequence[str], *, dry_run: bool, yes: bool) -> None:
    """Withdraw notifications.

    One that waits is not called. One whose call is on the wire cannot be called back, but is not called again. A final
    state stays: that, or an unknown id, makes the exit code 1.
    """
    if not dry_run:
        confirm(f"Cancel {len(ids)} notification{'s' * (len(ids) > 1)}?", yes=yes)
    failed = False
    for id_ in ids:
        try:
            before = account.ledger.record(id_).state if dry_run else account.ledger.cancel(id_)
        except UnknownNotification:
            click.echo(f"Error: {id_}: there is no such notification", err=True)
            failed = True
            continue
        failed = failed or (before.final and before is not State.CANCELLED)
        done = _CANCELLED.get(before, f"stays {before}")
        print_text(f"{id_}: {f'is {before}, nothing was done' if dry_run else done}")
    if failed:
        sys.exit(1)
