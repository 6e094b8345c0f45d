"""`voice-notify dlq`: the dead letters, which only a person moves on."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from voice_notify import runtime
from voice_notify.cli.options import (
    confirm,
    dry_run_option,
    duration,
    examples,
    json_option,
    reveal_option,
    together,
    yes_option,
)
from voice_notify.cli.output import print_fields, print_json, print_table, print_text, show_mobile, show_time
from voice_notify.cli.progress import progress
from voice_notify.cli.views import history_document, print_history, print_state, record_document, record_fields
from voice_notify.core.states import State
from voice_notify.store.dead_letters import DeadLetters, Filter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from voice_notify.store.records import Record

#: What a person can do about a dead letter, by its reason.
_ADVICE = {
    "refused": "The provider refuses this request whenever it is sent: correct it and submit it anew.",
    "account": "The account's fault, not the letter's: replay it when voice-notify account show says open.",
    "exhausted": "It was refused for the moment too often: replay it when the provider is well again.",
    "unclear": "The provider's answer is not documented: ask the provider before a replay, the phone may have rung.",
    "unconfirmed": "Nobody knows whether the phone rang: ask the callee, or the provider, before a replay.",
}

#: Which letters.
_filters = together(
    click.option("--code", help="Only those with this code, such as 400 or read-timeout."),
    click.option("--reason", help=f"Only those with this reason: {', '.join(_ADVICE)}."),
    click.option("--number", "mobile", help="Only those to this number, all 11 digits."),
    click.option("--template", "template_id", help="Only those with this template."),
    click.option("--older-than", type=duration, help="Only those dead for longer, as in 30m, 2h, 1d."),
    click.option("--newer-than", type=duration, help="Only those dead for less."),
)

#: Which letters to do something to, and how.
_selection = together(
    click.argument("ids", metavar="[ID]...", nargs=-1),
    _filters,
    click.option("--all", "everything", is_flag=True, help="All dead letters."),
    click.option("--limit", type=click.IntRange(1), help="At most so many, the oldest."),
    dry_run_option,
    yes_option,
)


@click.group()
def dlq() -> None:
    """List, replay and purge the dead letters.

    A dead letter is a notification that only a person moves on. A replay gives it back to its line, with a new deadline
    and its attempts counted anew; a purge deletes it for good.
    """


@dlq.command(
    "list", epilog=examples("voice-notify dlq list", "voice-notify dlq list --reason exhausted --newer-than 2h")
)
@_filters
@click.option("--limit", type=click.IntRange(0), default=50, show_default=True, help="Show so many; all are counted.")
@reveal_option
@json_option
def list_letters(*, limit: int, reveal: bool, as_json: bool, **filters: Any) -> None:  # noqa: ANN401 - click's values
    """Count the dead letters by code and reason, and list the oldest."""
    counts: Counter[tuple[str, str]] = Counter()
    rows: list[Record] = []
    for letter in _letters().find(_filter(filters)):
        counts[letter.code, letter.reason] += 1
        if len(rows) < limit:
            rows.append(letter)
    if as_json:
        summary = [{"code": code, "reason": reason, "count": n} for (code, reason), n in counts.most_common()]
        letters = [record_document(letter, reveal=reveal) for letter in rows]
        print_json({"total": counts.total(), "summary": summary, "letters": letters})
        return
    _print_summary(counts)
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
    explained = runtime.ledger().explain(id_)
    letter = explained.record
    if letter.state is not State.DEAD:
        raise click.ClickException(f"{id_} is not in the dead letters: it is {letter.state}")
    advice = _ADVICE.get(letter.reason, "")
    if as_json:
        history = history_document(explained)
        print_json(record_document(letter, reveal=reveal) | {"advice": advice, "history": history})
        return
    print_state(explained)
    print_fields(record_fields(letter, reveal=reveal))
    print_text("")
    print_history(explained)
    if advice:
        print_text(f"\n{advice}")


@dlq.command(
    epilog=examples(
        "voice-notify dlq replay 5f1e0c6b7a1d4e2f9b3c8d70",
        "voice-notify dlq replay --reason account --dry-run",
        "voice-notify dlq replay --code 500 --newer-than 1d --expires 2h --limit 100",
    )
)
@_selection
@click.option("--expires", type=duration, help="New deadline, from now.  [default: the setting default_expires]")
def replay(*, expires: float | None, **selection: Any) -> None:  # noqa: ANN401 - click's values
    """Give dead letters back to their lines: their phones ring."""
    deadline = runtime.settings().default_expires if expires is None else expires
    if deadline <= 0:
        raise click.UsageError("--expires must be more than 0 seconds.")
    _act("replay", lambda ids: _letters().replay(ids, deadline), **selection)


@dlq.command(epilog=examples("voice-notify dlq purge --older-than 30d", "voice-notify dlq purge --all --dry-run"))
@_selection
def purge(**selection: Any) -> None:  # noqa: ANN401 - click's values
    """Delete dead letters for good."""
    _act("purge", lambda ids: _letters().purge(ids), **selection)


def _act(  # noqa: PLR0913 - the options of `_selection`
    what: str,
    act: Callable[[Iterable[str]], int],
    *,
    ids: Sequence[str],
    everything: bool,
    limit: int | None,
    dry_run: bool,
    yes: bool,
    **filters: Any,  # noqa: ANN401 - click's values
) -> None:
    """Show which letters are meant, ask, and do it."""
    letters = _select(what, ids, _filter(filters), everything=everything, limit=limit)
    _print_summary(Counter((letter.code, letter.reason) for letter in letters))
    if letters and dry_run:
        print_text(f"would {what} {len(letters)}; nothing was done")
    elif letters:
        confirm(f"{what.capitalize()} {len(letters)} dead letter{'s' * (len(letters) > 1)}?", yes=yes)
        with progress("dead letters") as show_progress:
            done = act(_ticking([letter.id for letter in letters], show_progress))
        left = f", {len(letters) - done} had left already" if done < len(letters) else ""
        print_text(f"{what}: {done} done{left}")
    if set(ids) - {letter.id for letter in letters}:
        sys.exit(1)


def _select(what: str, ids: Sequence[str], only: Filter, *, everything: bool, limit: int | None) -> list[Record]:
    """The letters that the options name; ids that are no dead letters are told."""
    if not ids:
        if not everything and only == Filter():
            raise click.UsageError(f"Give ids, a filter or --all: which dead letters to {what}?")
        return list(_letters().find(only, limit))
    if everything or limit or only != Filter():
        raise click.UsageError("Give ids, or filters, not both.")
    letters = list(_letters().get(dict.fromkeys(ids)))
    for id_ in sorted(set(ids) - {letter.id for letter in letters}):
        click.echo(f"Error: {id_} is not in the dead letters", err=True)
    return letters


def _ticking(ids: Sequence[str], show_progress: Callable[[int, float | None], None]) -> Iterator[str]:
    for done, id_ in enumerate(ids):
        show_progress(done, done / len(ids))
        yield id_


def _letters() -> DeadLetters:
    return DeadLetters(runtime.ledger().scripts)


def _filter(filters: dict[str, Any]) -> Filter:
    older, newer = filters.pop("older_than"), filters.pop("newer_than")
    return Filter(
        **filters,
        older_than_ms=None if older is None else round(older * 1000),
        newer_than_ms=None if newer is None else round(newer * 1000),
    )


def _print_summary(counts: Counter[tuple[str, str]]) -> None:
    if not counts:
        print_text("no dead letters match")
        return
    print_table(("count", "code", "reason"), [(str(n), code, reason) for (code, reason), n in counts.most_common()])


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
