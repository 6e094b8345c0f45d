"""`voice-notify dlq show`: one dead letter, and what can be done about it."""

from __future__ import annotations

import click

from voice_notify.accounts import Account
from voice_notify.cli.click_options import examples, json_option, pass_account, reveal_option, zone_of
from voice_notify.cli.rendering.explanation import print_history
from voice_notify.cli.rendering.notification import notification_fields, print_state
from voice_notify.cli.rendering.output import print_fields, print_json, print_text
from voice_notify.documents.dead_letter import DeadLetterDocument
from voice_notify.domain.states import State


@click.command(epilog=examples("voice-notify dlq show 5f1e0c6b7a1d4e2f9b3c8d70"))
@click.argument("id_", metavar="ID")
@reveal_option
@json_option
@pass_account
def show(account: Account, id_: str, *, reveal: bool, as_json: bool) -> None:
    """Show one dead letter: answer, history, and what can be done."""
    explained = account.ledger.explain(id_)
    document = DeadLetterDocument.of(explained, zone_of(account), reveal=reveal)
    if document.state is not State.DEAD:
        raise click.ClickException(f"{id_} is not in the dead letters: it is {document.state}")
    if as_json:
        print_json(document)
        return
    print_state(document)
    print_fields(notification_fields(document))
    print_text("")
    print_history(document.history)
    if document.advice:
        print_text(f"\n{document.advice}")
