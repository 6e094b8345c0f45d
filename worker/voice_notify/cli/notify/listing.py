"""`voice-notify list`: notifications by state."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import click

from voice_notify.accounts import Account
from voice_notify.cli.click_options import MOBILE, examples, json_option, pass_account, reveal_option, zone_of
from voice_notify.cli.ctrl_c import stoppable
from voice_notify.cli.rendering.notification_list import print_counts, print_state_list
from voice_notify.cli.rendering.output import print_json, print_text
from voice_notify.cli.rendering.progress import progress
from voice_notify.documents.notification_list import NotificationListDocument, StateListDocument
from voice_notify.domain.states import State
from voice_notify.ledger.dead_letters import DeadLetters, Filter
from voice_notify.ledger.listing import Listing, Wanted
from voice_notify.ledger.notifications import Record
from voice_notify.ledger.scripts import Scripts


@dataclass(frozen=True, slots=True)
class _Found:
    """What a search for one state found."""

    records: Sequence[Record]
    others: int | None  #: how many more match; None: some do, nobody counted them
    complete: bool = True  #: False: somebody stopped the search


@click.command(
    epilog=examples(
        "voice-notify list",
        "voice-notify list --state waiting --reason daily",
        "voice-notify list --state accepted --number 13800138000 --limit 5 --json",
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
    reveal: bool,
    as_json: bool,
) -> None:
    """Count the notifications by state, and list those in some states: by default those that are open.

    calling: the one whose lease runs out first; waiting: the number that is due first, each number's in the order of
    its line; dead: the oldest first. For accepted, expired and cancelled all notifications are looked at, and the
    newest come first; Ctrl-C ends that search and shows what it has found.
    """
    ledger, zone, wanted = account.ledger, zone_of(account), Wanted(reason, number, template_id)
    chosen = [State(each) for each in dict.fromkeys(states)] or [State.CALLING, State.WAITING]
    counts = ledger.counts()
    found = {state: _find(ledger.scripts, state, wanted, limit) for state in chosen}
    document = NotificationListDocument(
        counts=counts,
        lists=tuple(
            StateListDocument.of(
                state, each.records, zone, complete=each.complete, more=each.others != 0, reveal=reveal
            )
            for state, each in found.items()
        ),
    )
    if as_json:
        print_json(document)
        return
    print_counts(document.counts)
    for listed in document.lists:
        print_text("")
        print_state_list(listed, found[listed.state].others)


def _find(scripts: Scripts, state: State, wanted: Wanted, limit: int) -> _Found:
    listing = Listing(scripts)
    if state is State.CALLING:
        return _first(listing.calling(wanted), limit)
    if state is State.WAITING:
        return _first(listing.waiting(wanted), limit)
    if state is State.DEAD:
        only = Filter(reason=wanted.reason, mobile=wanted.mobile, template_id=wanted.template_id)
        return _first(DeadLetters(scripts).find(only), limit)
    with stoppable() as stop, progress("notifications looked at") as show:
        ended = listing.ended(state, wanted, limit, show=show, stopped=lambda: stop.asked)
    return _Found(ended.newest, ended.total - len(ended.newest), ended.complete)


def _first(records: Iterator[Record], limit: int) -> _Found:
    found = list(islice(records, limit))
    return _Found(found, None if next(records, None) else 0)
