"""`voice-notify list`: notifications by state."""

from __future__ import annotations

from contextlib import suppress

import click

from voice_notify.accounts import Account
from voice_notify.cli.click_options import MOBILE, examples, json_option, pass_account, reveal_option, zone_of
from voice_notify.cli.ctrl_c import stoppable
from voice_notify.cli.rendering.notification_list import print_counts, print_state_list
from voice_notify.cli.rendering.output import print_json, print_text
from voice_notify.cli.rendering.progress import progress
from voice_notify.documents.notification_list import NotificationListDocument, StateListDocument
from voice_notify.domain.states import State
from voice_notify.errors import UnknownNotification
from voice_notify.ledger.ledger import Ledger
from voice_notify.ledger.listing import Found, Listing, UnknownPlace, Wanted


@click.command(
    epilog=examples(
        "voice-notify list",
        "voice-notify list --state waiting --reason daily",
        "voice-notify list --state accepted --number 13800138000 --limit 5 --json",
        "voice-notify list --state accepted --after 20240:1233",
    )
)
@click.option(
    "--state",
    "states",
    type=click.Choice([each.value for each in State]),
    multiple=True,
    help="[default: calling, waiting]",
)
@click.option("--reason", help="Only those whose last step has this reason, such as daily or backoff.")
@click.option("--number", "number", type=MOBILE, help="Only those to this number, all 11 digits.")
@click.option("--template", "template_id", help="Only those with this template.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="The most to show of each state.")
@click.option("--after", metavar="PLACE", help="Go on where an earlier list of one --state ended; it says with what.")
@reveal_option
@json_option
@pass_account
def command(  # noqa: PLR0913 - click's values
    account: Account,
    *,
    states: tuple[str, ...],
    reason: str | None,
    number: str | None,
    template_id: str | None,
    limit: int,
    after: str | None,
    reveal: bool,
    as_json: bool,
) -> None:
    """Count the notifications by state, and list those in some states: by default those that are open.

    calling: the one whose lease runs out first; waiting: the number whose turn comes first, each number's in the order
    of its line; dead: the oldest first; accepted, expired and cancelled: the newest first, as long as they are kept.

    With --reason, --number or --template it looks at each until it has found enough. Ctrl-C ends that, shows what was
    found, and says with what to go on.
    """
    ledger, zone, wanted = account.ledger, zone_of(account), Wanted(reason, number, template_id)
    chosen = [State(each) for each in dict.fromkeys(states)] or [State.CALLING, State.WAITING]
    if after is not None and len(states) != 1:
        raise click.UsageError("--after goes with one --state, the one whose list it continues.")
    counts, listing = ledger.counts(), Listing(ledger.scripts)
    with stoppable() as stop:

        def find(state: State) -> Found:
            with progress("notifications looked at") as show:
                return listing.find(
                    state, wanted, limit, after, show=lambda seen: show(seen, None), stopped=lambda: stop.asked
                )

        try:
            found = {state: find(state) for state in chosen}
        except UnknownPlace:
            text = f"{after!r} is no place in this list, or not any more: begin without it."
            raise click.BadParameter(text, param_hint="--after") from None
    document = NotificationListDocument(
        counts=counts,
        lists=tuple(
            StateListDocument.of(state, each, zone, reveal=reveal, reasons=_reasons(ledger, each))
            for state, each in found.items()
        ),
    )
    if as_json:
        print_json(document)
        return
    print_counts(document.counts)
    for listed in document.lists:
        print_text("")
        print_state_list(listed)


def _reasons(ledger: Ledger, found: Found) -> dict[str, str]:
    """What blocks those that wait, as `explain` has it."""
    reasons = {}
    for record in found.records:
        if record.state is not State.WAITING:
            continue
        with suppress(UnknownNotification):  # it ended since, and is not kept
            explained = ledger.explain(record.id)
            if explained.record.state is State.WAITING:
                reasons[record.id] = explained.reason
    return reasons
