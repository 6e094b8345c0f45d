"""`voice-notify dlq replay|purge`: what moves dead letters on, because a person says so."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from voice_notify.accounts import current_account
from voice_notify.cli.click_options import confirm, dry_run_option, duration, examples, together, yes_option
from voice_notify.cli.dlq.pace import steps, stoppable
from voice_notify.cli.dlq.selection import dead_letters, filters, make_filter, may_have_rung, print_summary
from voice_notify.cli.rendering.output import print_text, show_span
from voice_notify.cli.rendering.progress import progress
from voice_notify.errors import StoreUnavailable
from voice_notify.ledger.dead_letters import Filter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from voice_notify.ledger.notifications import Record

#: Which letters to do something to, and how.
_selection = together(
    click.argument("ids", metavar="[ID]...", nargs=-1),
    filters,
    click.option("--all", "everything", is_flag=True, help="All dead letters."),
    click.option("--limit", type=click.IntRange(1), help="At most so many, the oldest."),
    dry_run_option,
    yes_option,
)


@dataclass(slots=True)
class _Chosen:
    """The letters that the options name."""

    ids: list[str] = field(default_factory=list)
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)  #: by code and reason
    unsure: int = 0  #: of these, those whose phone may have woken
    again: int = 0  #: of these, those whose phone rang
    called: list[str] = field(default_factory=list)  #: left out, because their phones rang
    absent: list[str] = field(default_factory=list)  #: named, but no dead letters

    def sort(self, letters: Iterable[Record], limit: int | None, *, with_called: bool) -> None:
        """Take up to `limit` of `letters`."""
        for letter in letters:
            if letter.call_id and not with_called:
                self.called.append(letter.id)
                continue
            self.ids.append(letter.id)
            self.counts[letter.code, letter.reason] += 1
            self.again += bool(letter.call_id)
            self.unsure += may_have_rung(letter)
            if len(self.ids) == limit:
                return


@click.command(
    epilog=examples(
        "voice-notify dlq replay 5f1e0c6b7a1d4e2f9b3c8d70",
        "voice-notify dlq replay --reason account --dry-run",
        "voice-notify dlq replay --reason account --per-minute 600",
        "voice-notify dlq replay --code 500 --newer-than 1d --expires 2h --limit 100",
    )
)
@_selection
@click.option("--expires", type=duration, help="New deadline, from now.  [default: the setting default_expires]")
@click.option(
    "--per-minute",
    type=click.FloatRange(0, 60_000, min_open=True),
    help="Give back so many in a minute, evenly.  [default: all at once]",
)
@click.option("--include-called", is_flag=True, help="Also those whose phone rang, as a late success says.")
def replay(*, expires: float | None, per_minute: float | None, include_called: bool, **selection: Any) -> None:  # noqa: ANN401 - click's values
    """Give dead letters back to their lines: their phones ring.

    All at once is safe: every call waits for the windows of its number like any other. --per-minute spares the
    provider, or those whom people call back, a rush. Ctrl-C ends it: what is not yet replayed stays dead.

    A letter that has a call id is left out: a success was reported late, so the phone has rung.
    """
    deadline = current_account().settings.default_expires if expires is None else expires
    if deadline <= 0:
        raise click.UsageError("--expires must be more than 0 seconds.")

    def give_back(ids: Sequence[str]) -> int:
        return dead_letters().replay(ids, deadline, include_called=include_called)

    _act("replay", give_back, with_called=include_called, per_minute=per_minute, **selection)


@click.command(epilog=examples("voice-notify dlq purge --older-than 30d", "voice-notify dlq purge --all --dry-run"))
@_selection
def purge(**selection: Any) -> None:  # noqa: ANN401 - click's values
    """Delete dead letters for good. Ctrl-C ends it: what is not yet deleted stays."""
    _act("purge", lambda ids: dead_letters().purge(ids), with_called=True, **selection)


def _act(
    what: str,
    act: Callable[[Sequence[str]], int],
    *,
    dry_run: bool,
    yes: bool,
    per_minute: float | None = None,
    **selection: Any,  # noqa: ANN401 - click's values
) -> None:
    """Show which letters are meant, ask, and do it."""
    chosen = _choose(what, **selection)
    _show(what, chosen, per_minute)
    if chosen.ids and dry_run:
        print_text(f"would {what} {len(chosen.ids)}; nothing was done")
    elif chosen.ids:
        confirm(f"{what.capitalize()} {_letters(len(chosen.ids))}?", yes=yes)
        _run(what, act, chosen.ids, per_minute)
    if selection["ids"] and (chosen.absent or chosen.called):
        sys.exit(1)


def _choose(
    what: str,
    *,
    ids: Sequence[str],
    everything: bool,
    limit: int | None,
    with_called: bool,
    **options: Any,  # noqa: ANN401 - click's values
) -> _Chosen:
    only, chosen = make_filter(options), _Chosen()
    if not ids:
        if not everything and only == Filter():
            raise click.UsageError(f"Give ids, a filter or --all: which dead letters to {what}?")
        chosen.sort(dead_letters().find(only), limit, with_called=with_called)
    elif everything or limit or only != Filter():
        raise click.UsageError("Give ids, or filters, not both.")
    else:
        chosen.sort(dead_letters().get(dict.fromkeys(ids)), None, with_called=with_called)
        chosen.absent = sorted({*ids} - {*chosen.ids, *chosen.called})
    return chosen


def _show(what: str, chosen: _Chosen, per_minute: float | None) -> None:
    """The counts, before anything is done; warnings."""
    for id_ in chosen.absent:
        click.echo(f"Error: {id_} is not in the dead letters", err=True)
    if chosen.counts or not chosen.called:
        print_summary(chosen.counts)
    if chosen.called:
        click.echo(
            f"Warning: {_letters(len(chosen.called))} left out: a success was reported late, their phones rang. "
            "--include-called has them ring again.",
            err=True,
        )
    if what == "replay" and chosen.again:
        click.echo(f"Warning: {chosen.again} rang already, and will ring again.", err=True)
    if what == "replay" and chosen.unsure:
        click.echo(f"Warning: of {chosen.unsure} nobody knows whether the phone rang; it may ring again.", err=True)
    if per_minute and chosen.ids:
        print_text(f"{per_minute:g} a minute: {show_span(round(60_000 * len(chosen.ids) / per_minute))} for all")


def _run(what: str, act: Callable[[Sequence[str]], int], ids: Sequence[str], per_minute: float | None) -> None:
    done = seen = 0
    lost: StoreUnavailable | None = None
    with stoppable() as stop, progress("dead letters") as show_progress:
        try:
            for chunk in steps(ids, stop, per_minute):
                done += act(chunk)
                seen += len(chunk)
                show_progress(seen, seen / len(ids))
        except StoreUnavailable as error:
            lost = error
    left = f", {seen - done} had left already" if done < seen else ""
    print_text(f"{what}: {done} done{left}")
    if lost:
        raise click.ClickException(f"{lost}. Of the other {len(ids) - seen} the next ones may be done: run it again.")
    if seen < len(ids):
        raise click.ClickException(f"stopped: the other {len(ids) - seen} stay in the dead letters")


def _letters(number: int) -> str:
    return f"{number} dead letter{'s' * (number > 1)}"
