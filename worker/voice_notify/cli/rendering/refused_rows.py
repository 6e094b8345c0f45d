"""The rows of a file that were refused, for people."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from voice_notify.documents.submission import RefusedRowDocument

if TYPE_CHECKING:
    from voice_notify.cli.notify.csv_rows import CsvRows


def print_reading(rows: CsvRows) -> None:
    """On stderr, how the file was read, where that is worth a word."""
    if rows.encoding != "utf-8":
        click.echo(f"read as {rows.encoding.upper()}", err=True)
    if rows.rewritten:
        click.echo(f"numbers not written as 11 digits, and taken as such: {rows.rewritten}", err=True)


def print_refused_rows(rows: Iterable[RefusedRowDocument]) -> None:
    """A line on stderr for each: where it begins, which column is wrong, and the rule that it breaks."""
    for row in rows:
        click.echo(f"line {row.line}: {row.field}: {row.rule}", err=True)
