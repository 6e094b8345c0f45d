"""What replay and purge share: dead letters are chosen, shown, asked about, and moved on chunk by chunk."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import click

from voice_notify.cli.click_options import confirm, dry_run_option, together, yes_option
from voice_notify.cli.ctrl_c import stoppable
from voice_notify.cli.dlq.filter_options import filter_options, make_filter
from voice_notify.cli.dlq.paced_chunks import paced_chunks
from voice_notify.cli.rendering.dead_letters import count_dead_letters, print_summary
from voice_notify.cli.rendering.output import print_text
from voice_notify.cli.rendering.progress import progress
from voice_notify.cli.rendering.times import show_span
from voice_notify.documents.dead_letter import summary_of
from voice_notify.errors import StoreUnavailable
from voice_notify.ledger.dead_letters import DeadLetters, Filter, Replayed
from voice_notify.ledger.notifications import Record

#: Which dead letters to act on, and how carefully.
selection_options = together(
    click.argument("ids", metavar="[ID]...", nargs=-1),
    filter_options,
    click.option("--all", "everything", is_flag=True, help="All dead letters."),
    click.option("--limit", type=click.IntRange(1), help="At most so many, the oldest."),
    dry_run_option,
    yes_option,
)


@dataclass(frozen=True, slots=True)
class BulkAction:
    """What is done to the dead letters that were chosen."""

    verb: str
    act: Callable[[Sequence[str]], Replayed]  #: does it to a chunk of ids
    leads_to_calls: bool  #: whether a person has to be warned of phones that rang already
    include_called: bool  #: whether those whose phone rang are chosen too
    per_minute: float | None = None  #: the pace; None: as fast as possible

    def run(self, dead_letters: DeadLetters, *, dry_run: bool, yes: bool, **selection: Any) -> None:  # noqa: ANN401 - click's values
        """Show which dead letters are meant, ask, and do it."""
        chosen = _choose(dead_letters, self, **selection)
        _show(chosen, self)
        if chosen.ids and dry_run:
            print_text(f"would {self.verb} {len(chosen.ids)}; nothing was done")
        elif chosen.ids:
            confirm(f"{self.verb.capitalize()} {count_dead_letters(len(chosen.ids))}?", yes=yes)
            _act(self, chosen.ids)
        if selection["ids"] and (chosen.absent or chosen.called):
            sys.exit(1)


@dataclass(slots=True)
class _Chosen:
    """The dead letters that the options name."""

    ids: list[str] = field(default_factory=list)
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)  #: by code and reason
    may_have_rung: int = 0  #: how many of these may have rung
    rang: int = 0  #: how many of these rang
    called: list[str] = field(default_factory=list)  #: left out, because their phones rang
    absent: list[str] = field(default_factory=list)  #: named, but no dead letters

    def add(self, found: Iterable[Record], limit: int | None, *, include_called: bool) -> None:
        """Take up to `limit` of those found."""
        for record in found:
            if record.call_id and not include_called:
                self.called.append(record.id)
                continue
            self.ids.append(record.id)
            self.counts[record.code, record.reason] += 1
            self.rang += bool(record.call_id)
            self.may_have_rung += _may_have_rung(record)
            if len(self.ids) == limit:
                return


def _may_have_rung(record: Record) -> bool:
    """Whether nobody knows if a call of it was placed."""
    return not record.call_id and (record.unconfirmed > 0 or record.reason in {"unclear", "unconfirmed"})


def _choose(
    dead_letters: DeadLetters,
    action: BulkAction,
    *,
    ids: Sequence[str],
    everything: bool,
    limit: int | None,
    **options: Any,  # noqa: ANN401 - click's values
) -> _Chosen:
    only, chosen = make_filter(options), _Chosen()
    if not ids:
        if not everything and only == Filter():
            raise click.UsageError(f"Give ids, a filter or --all: which dead letters to {action.verb}?")
        chosen.add(dead_letters.find(only), limit, include_called=action.include_called)
    elif everything or limit or only != Filter():
        raise click.UsageError("Give ids, or filters, not both.")
    else:
        chosen.add(dead_letters.get(dict.fromkeys(ids)), None, include_called=action.include_called)
        chosen.absent = sorted({*ids} - {*chosen.ids, *chosen.called})
    return chosen


def _show(chosen: _Chosen, action: BulkAction) -> None:
    """The counts and the warnings, before anything is done."""
    for id_ in chosen.absent:
        click.echo(f"Error: {id_} is not in the dead letters", err=True)
    if chosen.counts or not chosen.called:
        print_summary(summary_of(chosen.counts))
    if chosen.called:
        click.echo(
            f"Warning: {count_dead_letters(len(chosen.called))} left out: a success was reported late, their phones "
            "rang. --include-called makes them ring again.",
            err=True,
        )
    if action.leads_to_calls and chosen.rang:
        click.echo(f"Warning: {chosen.rang} rang already, and will ring again.", err=True)
    if action.leads_to_calls and chosen.may_have_rung:
        unsure = chosen.may_have_rung
        click.echo(f"Warning: of {unsure} nobody knows whether the phone rang; it may ring again.", err=True)
    if action.per_minute and chosen.ids:
        span = show_span(timedelta(minutes=len(chosen.ids) / action.per_minute))
        print_text(f"{action.per_minute:g} a minute: {span} for all")


def _act(action: BulkAction, ids: Sequence[str]) -> None:
    done = full = seen = 0
    lost: StoreUnavailable | None = None
    with stoppable() as stop, progress("dead letters") as show_progress:
        try:
            for chunk in paced_chunks(ids, stop, action.per_minute):
                found = action.act(chunk)
                done, full, seen = done + found.done, full + found.full, seen + len(chunk)
                show_progress(seen, seen / len(ids))
        except StoreUnavailable as error:
            lost = error
    left = f", {seen - done - full} had left already" if done + full < seen else ""
    print_text(f"{action.verb}: {done} done{left}")
    if full:
        click.echo(f"Warning: {full} stay: the lines of their numbers are full (max_line).", err=True)
    rest = len(ids) - seen
    if lost:
        raise click.ClickException(f"{lost}. Of the other {rest} the next ones may be done: run it again.")
    if rest:
        raise click.ClickException(f"stopped: the other {rest} stay in the dead letters")
