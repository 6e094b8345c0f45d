"""`voice-notify list`: notifications by state."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import click

from voice_notify.accounts import current_account
from voice_notify.cli.click_options import examples, json_option, mobile, reveal_option
from voice_notify.cli.dlq.pace import stoppable
from voice_notify.cli.rendering.output import print_json, print_table, print_text, show_mobile, show_time, state_text
from voice_notify.cli.rendering.progress import progress
from voice_notify.cli.rendering.views import record_document
from voice_notify.domain.states import State
from voice_notify.ledger.dead_letters import DeadLetters, Filter
from voice_notify.ledger.listing import Listing, Wanted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from voice_notify.ledger.notifications import Record

#: In which order each state is listed.
_ORDERS = {
    State.CALLING: "the one whose lease runs out first",
    State.WAITING: "the number that is due first, each number's in the order of its line",
    State.DEAD: "the oldest first",
    State.ACCEPTED: "the newest first",
    State.EXPIRED: "the newest first",
    State.CANCELLED: "the newest first",
}
_OPEN = (State.CALLING, State.WAITING)


@dataclass(frozen=True, slots=True)
class _Found:
    """What is listed."""

    records: list[Record]
    more: int | None  #: how many others match; None: some do, nobody counted them
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
@click.option("--reason", help="Only those whose newest step has this reason, such as daily or backoff.")
@click.option("--number", "number", type=mobile, help="Only those to this number, all 11 digits.")
@click.option("--template", "template_id", help="Only those with this template.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="Show so many of each state.")
@reveal_option
@json_option
def command(  # noqa: PLR0913 - click's values
    *,
    states: tuple[str, ...],
    reason: str | None,
    number: str | None,
    template_id: str | None,
    limit: int,
    reveal: bool,
    as_json: bool,
) -> None:
    """Count the notifications by state and list those of a state: by default what is open.

    calling: the one whose lease runs out first; waiting: the number that is due first, each number's in the order of
    its line; dead: the oldest first. accepted, expired and cancelled are found by a look at all notifications, the
    newest first; Ctrl-C ends that look and shows the newest so far.
    """
    wanted = Wanted(reason, number, template_id)
    counts = current_account().ledger.counts()
    found = {state: _find(state, wanted, limit) for state in [State(each) for each in dict.fromkeys(states)] or _OPEN}
    if as_json:
        print_json(_document(counts, found, reveal=reveal))
        return
    now = ", ".join(f"{counts[state]:,} {state}" for state in (*_OPEN, State.DEAD))
    ever = ", ".join(f"{counts[state]:,} {state}" for state in (State.ACCEPTED, State.EXPIRED, State.CANCELLED))
    print_text(f"{now}; since ever {ever}")
    for state, each in found.items():
        print_text("")
        _print(state, each, reveal=reveal)


def _find(state: State, wanted: Wanted, limit: int) -> _Found:
    scripts = current_account().ledger.scripts
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
    return _Found(list(ended.newest), ended.total - len(ended.newest), ended.complete)


def _first(records: Iterator[Record], limit: int) -> _Found:
    found = list(islice(records, limit))
    return _Found(found, None if next(records, None) else 0)


def _print(state: State, found: _Found, *, reveal: bool) -> None:
    if not found.complete:
        print_text("stopped before all notifications were looked at")
    if not found.records:
        print_text(f"none {state}")
        return
    print_text(f"{state}, {_ORDERS[state]}:")
    when = "ended" if state.final else "submitted"
    print_table(
        ("id", "state", "reason", "mobile", "template", when),
        (
            (
                each.id,
                state_text(each.state),
                each.reason,
                show_mobile(each.mobile, reveal=reveal),
                each.template_id,
                show_time(each.ended_ms if state.final and each.ended_ms else each.created_ms),
            )
            for each in found.records
        ),
    )
    if found.more != 0:
        print_text(f"… and {'' if found.more is None else f'{found.more:,} '}more: --limit shows more")


def _document(counts: Mapping[State, int], found: Mapping[State, _Found], *, reveal: bool) -> dict[str, object]:
    return {
        "counts": dict(counts),
        "lists": [
            {
                "state": state,
                "order": _ORDERS[state],
                "complete": each.complete,
                "more": each.more != 0,
                "notifications": [record_document(record, reveal=reveal) for record in each.records],
            }
            for state, each in found.items()
        ],
    }
