"""`voice-notify status` and `explain`: one notification, by its id."""

from __future__ import annotations

import click

from voice_notify.accounts import Account
from voice_notify.cli.click_options import examples, json_option, pass_account, reveal_option, zone_of
from voice_notify.cli.rendering.explanation import block_fields, print_history
from voice_notify.cli.rendering.notification import notification_fields, print_status
from voice_notify.cli.rendering.output import print_fields, print_json, print_text
from voice_notify.documents.document import moment
from voice_notify.documents.notification import ExplanationDocument, StatusDocument


@click.command(epilog=examples("voice-notify status 5f1e0c6b7a1d4e2f9b3c8d70"))
@click.argument("id_", metavar="ID")
@reveal_option
@json_option
@pass_account
def status(account: Account, id_: str, *, reveal: bool, as_json: bool) -> None:
    """Show a notification as it stands: its state, its attempts and the provider's answer."""
    explained, zone = account.ledger.explain(id_), zone_of(account)
    document = StatusDocument.of(explained, zone, reveal=reveal)
    if as_json:
        print_json(document)
        return
    print_status(document, moment(explained.now_ms, zone))
    print_fields(notification_fields(document))


@click.command(epilog=examples("voice-notify explain 5f1e0c6b7a1d4e2f9b3c8d70"))
@click.argument("id_", metavar="ID")
@reveal_option
@json_option
@pass_account
def explain(account: Account, id_: str, *, reveal: bool, as_json: bool) -> None:
    """Tell what happened to a notification, what blocks it now, and when its next step is due."""
    explained, zone = account.ledger.explain(id_), zone_of(account)
    document = ExplanationDocument.of(explained, zone, reveal=reveal)
    if as_json:
        print_json(document)
        return
    print_status(document, moment(explained.now_ms, zone))
    print_fields([*block_fields(document), *notification_fields(document)])
    print_text("")
    print_history(document.history)
