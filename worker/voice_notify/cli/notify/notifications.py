"""`voice-notify status|explain|cancel`: one notification, by its id."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from voice_notify.accounts import current_account
from voice_notify.cli.click_options import confirm, dry_run_option, examples, json_option, reveal_option, yes_option
from voice_notify.cli.rendering.output import iso_time, print_fields, print_json, print_text
from voice_notify.cli.rendering.views import (
    BLOCKS,
    history_document,
    pause_document,
    print_history,
    print_state,
    record_document,
    record_fields,
    show_pause,
)
from voice_notify.domain.reasons import Reason
from voice_notify.domain.states import State
from voice_notify.errors import UnknownNotification

if TYPE_CHECKING:
    from voice_notify.ledger.explanation import Explanation

#: What became of a cancellation, by the state before it.
_CANCELLED = {
    State.WAITING: "cancelled",
    State.CALLING: "its call is on the wire and cannot be called back; nothing follows it",
}


@click.command(epilog=examples("voice-notify status 5f1e0c6b7a1d4e2f9b3c8d70"))
@click.argument("id_", metavar="ID")
@reveal_option
@json_option
def status(id_: str, *, reveal: bool, as_json: bool) -> None:
    """Show a notification as it stands: its state, the attempts and the provider's answer."""
    explained = current_account().ledger.explain(id_)
    if as_json:
        print_json(record_document(explained.record, reveal=reveal) | _next_step(explained))
        return
    print_state(explained)
    print_fields(record_fields(explained.record, reveal=reveal))


@click.command(epilog=examples("voice-notify explain 5f1e0c6b7a1d4e2f9b3c8d70"))
@click.argument("id_", metavar="ID")
@reveal_option
@json_option
def explain(id_: str, *, reveal: bool, as_json: bool) -> None:
    """Tell what happened to a notification, what blocks it now, and when its next step is due."""
    explained = current_account().ledger.explain(id_)
    if as_json:
        print_json(
            record_document(explained.record, reveal=reveal)
            | _next_step(explained)
            | {
                "ahead": explained.ahead,
                "account_pause": pause_document(explained.pause),
                "history": history_document(explained),
            }
        )
        return
    print_state(explained)
    print_fields([*_block_fields(explained), *record_fields(explained.record, reveal=reveal)])
    print_text("")
    print_history(explained)


@click.command(epilog=examples("voice-notify cancel 5f1e0c6b7a1d4e2f9b3c8d70"))
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@dry_run_option
@yes_option
def cancel(ids: tuple[str, ...], *, dry_run: bool, yes: bool) -> None:
    """Withdraw notifications.

    One that waits is not called. One whose call is on the wire cannot be called back, but is not called again. A final
    state stays: that, or an unknown id, makes the exit code 1.
    """
    if not dry_run:
        confirm(f"Cancel {len(ids)} notification{'s' * (len(ids) > 1)}?", yes=yes)
    failed = False
    for id_ in ids:
        try:
            before = (
                current_account().ledger.explain(id_).record.state if dry_run else current_account().ledger.cancel(id_)
            )
        except UnknownNotification:
            click.echo(f"Error: {id_}: there is no such notification", err=True)
            failed = True
            continue
        failed = failed or (before.final and before is not State.CANCELLED)
        done = _CANCELLED.get(before, f"stays {before}")
        print_text(f"{id_}: {f'is {before}, nothing was done' if dry_run else done}")
    if failed:
        sys.exit(1)


def _next_step(explained: Explanation) -> dict[str, object]:
    return {"reason": explained.reason, "due_at": iso_time(explained.due_ms)}


def _block_fields(explained: Explanation) -> list[tuple[str, str]]:
    """What keeps a waiting notification."""
    if explained.record.state is not State.WAITING:
        return []
    return [
        ("blocked by", BLOCKS[Reason(explained.reason)]),
        ("account", show_pause(explained.pause) if explained.pause else ""),
        ("ahead", f"{explained.ahead} on the same number"),
    ]
