"""`voice-notify account`: the account as a whole."""

from __future__ import annotations

import click

from voice_notify import runtime
from voice_notify.cli.options import examples, json_option
from voice_notify.cli.output import print_json, print_text
from voice_notify.cli.views import pause_document, show_pause


@click.group()
def account() -> None:
    """Show, pause and resume the account.

    While it is paused no call is begun, everything keeps its place in line, and deadlines run on. It pauses itself when
    the provider's answers say that every call will fail (601, 602, 603, 604, 404), or when the same refusal meets one
    number after another; then one call probes it from time to time, and a success resumes it.
    """


@account.command(epilog=examples("voice-notify account show"))
@json_option
def show(*, as_json: bool) -> None:
    """Tell whether calls go out, or why not and until when."""
    app_id, pause = runtime.settings().app_id, runtime.ledger().account()
    if as_json:
        print_json({"app_id": app_id, "paused": pause is not None, "pause": pause_document(pause)})
    else:
        print_text(f"{app_id}: {show_pause(pause) if pause else 'open, calls go out'}")


@account.command("pause", epilog=examples('voice-notify account pause --why "wrong text in template 453662"'))
@click.option("--why", required=True, help="Why, for whoever asks later.")
def pause_account(why: str) -> None:
    """Begin no call until a person resumes the account. What is on the wire is finished."""
    changed = runtime.ledger().pause(why)
    print_text(
        "paused: no call is begun until voice-notify account resume" if changed else "was paused by hand already"
    )


@account.command(epilog=examples("voice-notify account resume"))
def resume() -> None:
    """Let calls out again, at once."""
    print_text("resumed: calls go out" if runtime.ledger().resume() else "was open already")
