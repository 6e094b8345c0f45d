"""`voice-notify dlq export`: the dead letters for a spreadsheet or a program."""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import click

from voice_notify.accounts import Account
from voice_notify.cli.click_options import examples, pass_account, reveal_option, zone_of
from voice_notify.cli.dlq.filter_options import filter_options, make_filter
from voice_notify.cli.rendering.dead_letters import count_dead_letters
from voice_notify.cli.rendering.output import print_text
from voice_notify.cli.rendering.progress import ShowProgress, progress
from voice_notify.documents.notification import NotificationDocument
from voice_notify.ledger.dead_letters import DeadLetters

#: The columns of the CSV; `dead_since` is the document's `ended_at`.
_COLUMNS = (
    *("id", "dead_since", "mobile", "template_id", "params", "priority", "code", "reason", "message"),
    *("attempts", "unconfirmed", "created_at", "deadline", "call_id", "task_no"),
)
#: What a formula begins with in a spreadsheet, in ASCII and in full width; a tab or line end may hide one.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


@click.command(
    epilog=examples(
        "voice-notify dlq export --output dead.csv",
        "voice-notify dlq export --reason refused --format json | jq .message",
    )
)
@filter_options
@click.option("--limit", type=click.IntRange(1), help="The most to write, the oldest first.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(["csv", "json"]),
    default="csv",
    show_default=True,
    help="json: a line each.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file, not to the screen."
)
@reveal_option
@pass_account
def export(  # noqa: PLR0913 - click's values
    account: Account,
    /,
    *,
    limit: int | None,
    format_: str,
    as_json: bool,
    output: Path | None,
    reveal: bool,
    **options: Any,  # noqa: ANN401
) -> None:
    """Write the dead letters as CSV or as lines of JSON, the oldest first. They stay where they are.

    In CSV, the variables are one cell, separated by commas, which none of them contains; a cell that a spreadsheet
    would take for a formula begins with an apostrophe. A file is readable by its owner only, gets its name when it is
    complete, and as CSV begins with a byte order mark, by which spreadsheets recognise Chinese.
    """
    zone = zone_of(account)
    found = DeadLetters(account.ledger.scripts).find(make_filter(options), limit)
    dead_letters = (NotificationDocument.of(record, zone, reveal=reveal) for record in found)
    as_csv = format_ == "csv" and not as_json
    write = _write_csv if as_csv else _write_json
    if output is None:
        with _progress_unless_on_screen() as show:
            write(dead_letters, sys.stdout, show)
        return
    with progress("dead letters") as show, _put_in_place(output, bom=as_csv) as file:
        written = write(dead_letters, file, show)
    print_text(f"{count_dead_letters(written)} in {output}")


@contextmanager
def _put_in_place(path: Path, *, bom: bool) -> Iterator[IO[str]]:
    """A file that only its owner reads, and that takes its name when it is complete."""
    part = path.with_name(f"{path.name}.part")
    try:
        part.unlink(missing_ok=True)
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error.strerror}") from error
    try:
        with open(descriptor, "w", encoding="utf-8-sig" if bom else "utf-8", newline="") as file:  # noqa: PTH123
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _write_csv(dead_letters: Iterator[NotificationDocument], file: IO[str], show: ShowProgress) -> int:
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(_COLUMNS)
    return _write_each(dead_letters, show, lambda each: rows.writerow(_cells(each)))


def _write_json(dead_letters: Iterator[NotificationDocument], file: IO[str], show: ShowProgress) -> int:
    return _write_each(dead_letters, show, lambda each: file.write(each.model_dump_json() + "\n"))


@contextmanager
def _progress_unless_on_screen() -> Iterator[ShowProgress]:
    """No progress where the rows themselves are on the screen: a bar would be drawn into them."""
    if sys.stdout.isatty():
        yield lambda _done, _share: None
    else:
        with progress("dead letters") as show:
            yield show


def _write_each(
    dead_letters: Iterator[NotificationDocument], show: ShowProgress, write: Callable[[NotificationDocument], object]
) -> int:
    """Returns the number of dead letters written."""
    written = 0
    for written, each in enumerate(dead_letters, 1):
        write(each)
        show(written, None)
    return written


def _cells(dead_letter: NotificationDocument) -> list[str | int]:
    values = dead_letter.model_dump(mode="json")
    values |= {"dead_since": values["ended_at"], "params": ",".join(dead_letter.params)}
    cells = ["" if values[column] is None else values[column] for column in _COLUMNS]
    return [_harmless(cell) if isinstance(cell, str) else cell for cell in cells]


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) or cell.lstrip().startswith(_FORMULA) else cell
