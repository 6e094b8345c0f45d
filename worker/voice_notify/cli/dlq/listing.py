"""`voice-notify dlq list`: the dead letters, counted and listed."""

from __future__ import annotations

from typing import Any

import click

from voice_notify.accounts import Account
from voice_notify.cli.click_options import examples, json_option, pass_account, reveal_option, zone_of
from voice_notify.cli.dlq.filter_options import filter_options, make_filter
from voice_notify.cli.rendering.dead_letters import print_dead_letters
from voice_notify.cli.rendering.output import print_json
from voice_notify.documents.dead_letter import DeadLetterListDocument
from voice_notify.ledger.dead_letters import DeadLetters
from voice_notify.ledger.listing import UnknownPlace


@click.command(
    "list", epilog=examples("voice-notify dlq list", "voice-notify dlq list --reason exhausted --newer-than 2h")
)
@filter_options
@click.option(
    "--limit", type=click.IntRange(0), default=50, show_default=True, help="The most to show; all are counted."
)
@click.option("--after", metavar="PLACE", help="Show what comes after an earlier list, which says with what.")
@reveal_option
@json_option
@pass_account
def list_dead_letters(
    account: Account,
    /,
    *,
    limit: int,
    after: str | None,
    reveal: bool,
    as_json: bool,
    **options: Any,  # noqa: ANN401 - click's values
) -> None:
    """Count the dead letters by code and reason, and list the oldest."""
    matching = DeadLetters(account.ledger.scripts).find(make_filter(options))
    try:
        document = DeadLetterListDocument.of(matching, limit, after, zone_of(account), reveal=reveal)
    except UnknownPlace:
        raise click.BadParameter(f"{after!r} is no place in this list.", param_hint="--after") from None
    if as_json:
        print_json(document)
    else:
        print_dead_letters(document)
