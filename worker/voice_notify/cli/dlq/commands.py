"""`voice-notify dlq`: the dead letters, which only a person moves on."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from voice_notify.accounts import current_account
from voice_notify.cli.click_options import examples, json_option, reveal_option
from voice_notify.cli.dlq.export import export
from voice_notify.cli.dlq.replay import purge, replay
from voice_notify.cli.dlq.selection import advice, dead_letters, filters, make_filter, print_summary
from voice_notify.cli.rendering.output import print_fields, print_json, print_table, print_text, show_mobile, show_time
from voice_notify.cli.rendering.views import (
    history_document,
    print_history,
    print_state,
    record_document,
    record_fields,
)
from voice_notify.domain.states import State

if TYPE_CHECKING:
    from collections.abc import Iterable

    from voice_notify.ledger.notifications import Record


@click.group()
def dlq() -> None:
    """List, export, replay and purge the dead letters.

    A dead letter is a notification that only a person moves on. A replay gives it back to its line, with a new deadline
    and its attempts counted anew; a purge deletes it for good.
    """


for command in (replay, purge, export):
    dlq.add_command(command)


@dlq.command(
    "list", epilog=examples("voice-notify dlq list", "voice-notify dlq list --reason exhausted --newer-than 2h")
)
@filters
@click.option("--limit", type=click.IntRange(0), default=50, show_default=True, help="Show so many; all are counted.")
@reveal_option
@json_option
def list_letters(*, limit: int, reveal: bool, as_json: bool, **options: Any) -> None:  # noqa: ANN401 - click's values
    """Count the dead letters by code and reason, and list the oldest."""
    counts: Counter[tuple[str, str]] = Counter()
    rows: list[Record] = []
    called = 0
    for letter in dead_letters().find(make_filter(options)):
        counts[letter.code, letter.reason] += 1
        called += bool(letter.call_id)
        if len(rows) < limit:
            rows.append(letter)
    if as_json:
        summary = [{"code": code, "reason": reason, "count": n} for (code, reason), n in counts.most_common()]
        letters = [record_document(letter, reveal=reveal) for letter in rows]
        print_json({"total": counts.total(), "called": called, "summary": summary, "letters": letters})
        return
    print_summary(counts)
    if called:
        print_text(f"Of these {called} rang after all, as a late success says; a replay leaves them out.")
    if rows:
        print_text("")
        _print_rows(rows, reveal=reveal)
    if counts.total() > len(rows):
        print_text(f"… and {counts.total() - len(rows)} more: --limit shows more")


@dlq.command(epilog=examples("voice-notify dlq show 5f1e0c6b7a1d4e2f9b3c8d70"))
@click.argument("id_", metavar="ID")
@reveal_option
@json_option
def show(id_: str, *, reveal: bool, as_json: bool) -> None:
    """Show one dead letter: answer, history, and what can be done."""
    explained = current_account().ledger.explain(id_)
    letter = explained.record
    if letter.state is not State.DEAD:
        raise click.ClickException(f"{id_} is not in the dead letters: it is {letter.state}")
    if as_json:
        history = history_document(explained)
        print_json(record_document(letter, reveal=reveal) | {"advice": advice(letter), "history": history})
        return
    print_state(explained)
    print_fields(record_fields(letter, reveal=reveal))
    print_text("")
    print_history(explained)
    if advice(letter):
        print_text(f"\n{advice(letter)}")


def _print_rows(letters: Iterable[Record], *, reveal: bool) -> None:
    print_table(
        ("id", "dead since", "mobile", "template", "code", "reason", "message"),
        (
            (
                letter.id,
                show_time(letter.ended_ms) if letter.ended_ms else "",
                show_mobile(letter.mobile, reveal=reveal),
                letter.template_id,
                letter.code,
                letter.reason,
                letter.message,
            )
            for letter in letters
        ),
    )
