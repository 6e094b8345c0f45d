"""`voice-notify dlq export`: the dead letters for a spreadsheet or a program."""

from __future__ import annotations

import csv
import json
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from voice_notify.cli.click_options import examples, reveal_option
from voice_notify.cli.dlq.selection import dead_letters, filters, make_filter
from voice_notify.cli.rendering.output import iso_time, print_text, show_mobile, show_params
from voice_notify.cli.rendering.progress import progress
from voice_notify.cli.rendering.views import record_document

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from voice_notify.cli.rendering.progress import Show
    from voice_notify.ledger.notifications import Record

_COLUMNS = (
    *("id", "dead_since", "mobile", "template_id", "params", "priority", "code", "reason", "message"),
    *("attempts", "unconfirmed", "created_at", "deadline", "call_id", "task_no"),
)
#: With what a spreadsheet begins a formula, in ASCII and in full width; a tab or line end may hide one.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


@click.command(
    epilog=examples(
        "voice-notify dlq export --output dead.csv",
        "voice-notify dlq export --reason refused --format json | jq .message",
    )
)
@filters
@click.option("--limit", type=click.IntRange(1), help="At most so many, the oldest.")
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
def export(
    *,
    limit: int | None,
    format_: str,
    as_json: bool,
    output: Path | None,
    reveal: bool,
    **options: Any,  # noqa: ANN401
) -> None:
    """Write the dead letters as CSV or as lines of JSON, the oldest first. They stay where they are.

    The variables are one cell, parted by commas, which none of them contains. A cell that a spreadsheet would take for
    a formula begins with an apostrophe. A file is for its owner's eyes only, is put in place when it is complete, and
    as CSV begins with a byte order mark, by which spreadsheets know Chinese.
    """
    letters = dead_letters().find(make_filter(options), limit)
    as_csv = format_ == "csv" and not as_json
    write = _write_csv if as_csv else _write_json
    if output is None:
        with _progress_beside_rows() as show:
            write(letters, sys.stdout, show, reveal=reveal)
        return
    with progress("dead letters") as show, _put_in_place(output, bom=as_csv) as file:
        written = write(letters, file, show, reveal=reveal)
    print_text(f"{written} dead letter{'s' * (written != 1)} in {output}")


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


def _write_csv(letters: Iterator[Record], file: IO[str], show: Show, *, reveal: bool) -> int:
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(_COLUMNS)
    return _each(letters, show, lambda letter: rows.writerow(_cells(letter, reveal=reveal)))


def _write_json(letters: Iterator[Record], file: IO[str], show: Show, *, reveal: bool) -> int:
    def write(letter: Record) -> None:
        file.write(json.dumps(record_document(letter, reveal=reveal), ensure_ascii=False) + "\n")

    return _each(letters, show, write)


@contextmanager
def _progress_beside_rows() -> Iterator[Show]:
    """None where the rows themselves are on the screen: a bar would be drawn into them."""
    if sys.stdout.isatty():
        yield lambda _done, _share: None
    else:
        with progress("dead letters") as show:
            yield show


def _each(letters: Iterator[Record], show: Show, write: Callable[[Record], object]) -> int:
    written = 0
    for written, letter in enumerate(letters, 1):
        write(letter)
        show(written, None)
    return written


def _cells(letter: Record, *, reveal: bool) -> list[str | int]:
    cells = (
        *(letter.id, iso_time(letter.ended_ms) or "", show_mobile(letter.mobile, reveal=reveal), letter.template_id),
        *(",".join(show_params(letter.params, reveal=reveal)), letter.priority),
        *(letter.code, letter.reason, letter.message, letter.attempts, letter.unconfirmed),
        *(iso_time(letter.created_ms) or "", iso_time(letter.deadline_ms) or "", letter.call_id, letter.task_no),
    )
    return [_harmless(cell) if isinstance(cell, str) else cell for cell in cells]


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) or cell.lstrip().startswith(_FORMULA) else cell
