"""`voice-notify account`: the account as a whole."""

from __future__ import annotations

import click

from voice_notify.accounts import Account
from voice_notify.cli.click_options import examples, json_option, pass_account, zone_of
from voice_notify.cli.rendering.account import print_account
from voice_notify.cli.rendering.output import print_json, print_text
from voice_notify.documents.account import AccountDocument
from voice_notify.ledger.account_status import read_account_status


@click.group("account")
def group() -> None:
    """Show, pause and resume the account.

    While it is paused no call begins, everything keeps its place in line, and deadlines keep running. It pauses itself
    when the provider's answers say that every call will fail (601, 602, 603, 604, 404), when one number after
    another meets the same refusal, or in an outage, when one after another does not reach the provider or is told to
    come again later. Then a call probes it from time to time, and a success resumes it.
    """


@group.command(epilog=examples("voice-notify account show"))
@json_option
@pass_account
def show(account: Account, *, as_json: bool) -> None:
    """Tell whether calls go out, or why not and until when; what is open, which workers are alive, and what to do."""
    ledger, settings = account.ledger, account.settings
    status = read_account_status(ledger.scripts)
    document = AccountDocument.of(settings.app_id, status, ledger.rules.daily_budget or None, zone_of(account))
    if as_json:
        print_json(document)
    else:
        print_account(document, ledger.rules.suspect_run, ledger.rules.outage_run)


@group.command("pause", epilog=examples('voice-notify account pause --why "wrong text in template 453662"'))
@click.option("--why", required=True, help="The reason, for whoever asks later.")
@pass_account
def pause_account(account: Account, why: str) -> None:
    """Begin no call until a person resumes the account. Calls on the wire are finished."""
    changed = account.ledger.pause(why)
    print_text("paused: no call begins until voice-notify account resume" if changed else "already paused by hand")


@group.command(epilog=examples("voice-notify account resume"))
@pass_account
def resume(account: Account) -> None:
    """Let calls go out again, at once."""
    print_text("resumed: calls go out" if account.ledger.resume() else "already open")
