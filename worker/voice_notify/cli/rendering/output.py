"""Prints what the commands show: lines and tables for people, JSON for programs."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Literal

import click
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from voice_notify.documents.document import Document
from voice_notify.domain.printable import printable

#: Wide enough that no line is ever folded where a program may read it.
_UNLIMITED_WIDTH = 10_000


def print_json(document: Document) -> None:
    """A document, for programs."""
    click.echo(document.model_dump_json(indent=2))


def print_text(text: Text | str) -> None:
    """A line as it is: never folded or taken for markup, and in colour on a terminal only."""
    _console().print(_plain(text), soft_wrap=True)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Text | str]], *, numbers: Sequence[str] = ()) -> None:
    """Columns under their names, aligned by their width on a screen; `numbers` names those aligned to the right."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        justify: Literal["left", "right"] = "right" if column in numbers else "left"
        # An id is copied: it stays in one piece.
        table.add_column(column, justify=justify, overflow="fold", no_wrap=column == "id")
    _print_rows(table, rows)


def print_fields(fields: Iterable[tuple[str, Text | str]]) -> None:
    """A name and its value on each line, indented; a field without a value is left out."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    _print_rows(table, (field for field in fields if field[1]))


def _print_rows(table: Table, rows: Iterable[Sequence[Text | str]]) -> None:
    for row in rows:
        table.add_row(*map(_plain, row))
    console = _console()
    with console.capture() as captured:
        console.print(Padding(table, (0, 0, 0, 2), expand=False))
    # rich fills every line with spaces.
    click.echo("\n".join(line.rstrip() for line in captured.get().splitlines()))


def _plain(text: Text | str) -> Text:
    """What does nothing to a terminal but stand there: a reply, or the reason of a pause, may hold anything."""
    if isinstance(text, str):
        return Text(printable(text))
    text.plain = printable(text.plain)
    return text


def _console() -> Console:
    # Elsewhere than on a terminal a line stays a line, however long, and has no colours, whatever FORCE_COLOR says: a
    # program may read it.
    terminal = sys.stdout.isatty()
    width = None if terminal else _UNLIMITED_WIDTH
    return Console(width=width, force_terminal=terminal, highlight=False, emoji=False)
