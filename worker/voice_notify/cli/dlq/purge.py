"""`voice-notify dlq purge`: dead letters are deleted, because a person says so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from voice_notify.accounts import Account
from voice_notify.cli.click_options import examples, pass_account
from voice_notify.cli.dlq.bulk_action import BulkAction, selection_options
from voice_notify.ledger.dead_letters import DeadLetters, Replayed


@click.command(epilog=examples("voice-notify dlq purge --older-than 30d", "voice-notify dlq purge --all --dry-run"))
@selection_options
@pass_account
def purge(account: Account, /, **selection: Any) -> None:  # noqa: ANN401 - click's values
    """Delete dead letters permanently. Ctrl-C ends it: what is not yet deleted stays."""
    dead_letters = DeadLetters(account.ledger.scripts)

    def delete(ids: Sequence[str]) -> Replayed:
        return Replayed(done=dead_letters.purge(ids), full=0)

    BulkAction("purge", delete, leads_to_calls=False, include_called=True).run(dead_letters, **selection)
