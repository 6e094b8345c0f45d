"""`voice-notify dlq replay`: dead letters are put back in line, because a person says so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from voice_notify.accounts import Account
from voice_notify.cli.click_options import DURATION, examples, pass_account
from voice_notify.cli.dlq.bulk_action import BulkAction, selection_options
from voice_notify.ledger.dead_letters import DeadLetters, Replayed


@click.command(
    epilog=examples(
        "voice-notify dlq replay 5f1e0c6b7a1d4e2f9b3c8d70",
        "voice-notify dlq replay --reason account --dry-run",
        "voice-notify dlq replay --reason account --per-minute 600",
        "voice-notify dlq replay --code 500 --newer-than 1d --expires 2h --limit 100",
    )
)
@selection_options
@click.option("--expires", type=DURATION, help="New deadline, from now.  [default: the setting default_expires]")
@click.option(
    "--per-minute",
    type=click.FloatRange(0, 60_000, min_open=True),
    help="Put back so many per minute, evenly.  [default: all at once]",
)
@click.option("--include-called", is_flag=True, help="Also those whose phone rang, as a late success says.")
@pass_account
def replay(
    account: Account,
    /,
    *,
    expires: float | None,
    per_minute: float | None,
    include_called: bool,
    **selection: Any,  # noqa: ANN401 - click's values
) -> None:
    """Put dead letters back in line: their phones will ring.

    All at once is safe: every call waits for the windows of its number like any other. --per-minute spares the
    provider, and those whom people call back, a rush. Ctrl-C ends it: what is not yet replayed stays in the dead
    letters.

    A dead letter with a call id is left out: a success was reported late, so the phone has rung.
    """
    deadline = account.settings.default_expires if expires is None else expires
    if deadline <= 0:
        raise click.UsageError("--expires must be more than 0 seconds.")
    dead_letters = DeadLetters(account.ledger.scripts)

    def put_back(ids: Sequence[str]) -> Replayed:
        return dead_letters.replay(ids, deadline, include_called=include_called)

    action = BulkAction("replay", put_back, leads_to_calls=True, include_called=include_called, per_minute=per_minute)
    action.run(dead_letters, **selection)
