"""How the commands show things: tables for people, JSON for programs, times, masked numbers.

Times come in as milliseconds since the epoch and are shown in the configured time zone.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo

import click
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from voice_notify.accounts import current_account
from voice_notify.domain.masking import mask_mobile, mask_text
from voice_notify.domain.states import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

STYLES = {
    State.WAITING: "yellow",
    State.CALLING: "cyan",
    State.ACCEPTED: "green",
    State.DEAD: "red",
    State.EXPIRED: "magenta",
    State.CANCELLED: "dim",
}


def print_json(document: object) -> None:
    """For programs."""
    click.echo(json.dumps(document, ensure_ascii=False, indent=2))


def print_text(text: Text | str) -> None:
    """A line as it is: never wrapped or taken for markup; with colours on a terminal only."""
    _console().print(Text(text) if isinstance(text, str) else text, soft_wrap=True)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Text | str]], *, numbers: Sequence[str] = ()) -> None:
    """Columns under their names, aligned by what the characters take on a screen; counts and `numbers` to the right."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        # An id is copied: it stays in one piece.
        to_right = column in {"count", "notifications", "units", *numbers}
        justify: Literal["left", "right"] = "right" if to_right else "left"
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
        table.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in row))
    console = _console()
    with console.capture() as captured:
        console.print(Padding(table, (0, 0, 0, 2), expand=False))
    # rich fills every line with spaces.
    click.echo("\n".join(line.rstrip() for line in captured.get().splitlines()))


def _console() -> Console:
    # Elsewhere than on a terminal a line stays a line, however long: it may be read by a program.
    return Console(width=None if sys.stdout.isatty() else 10_000, highlight=False, emoji=False)


def state_text(state: State) -> Text:
    """A state in its colour."""
    return Text(state, style=STYLES[state])


def show_time(ms: int) -> str:
    """`14:05:06`, with the date in front unless that is today: `2026-11-23 14:05:06`."""
    moment = _moment(ms)
    today = datetime.now(moment.tzinfo).date()
    return f"{moment:%H:%M:%S}" if moment.date() == today else f"{moment:%Y-%m-%d %H:%M:%S}"


def show_clock(ms: int) -> str:
    """`14:05`, for the axis of a picture."""
    return f"{_moment(ms):%H:%M}"


def iso_time(ms: int | None) -> str | None:
    """ISO 8601 with the zone's offset, for JSON."""
    return None if ms is None else _moment(ms).isoformat(timespec="milliseconds")


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, ZoneInfo(current_account().settings.timezone))


def show_span(ms: int) -> str:
    """A length of time in its two greatest units: `12 s`, `3 h 20 min`."""
    seconds = max(0, round(ms / 1000))
    units = {"d": seconds // 86_400, "h": seconds // 3600 % 24, "min": seconds // 60 % 60, "s": seconds % 60}
    parts = [f"{count} {unit}" for unit, count in units.items() if count]
    return " ".join(parts[:2]) or "0 s"


def show_due(due_ms: int, now_ms: int) -> str:
    """When, and how long from now."""
    return f"{show_time(due_ms)} (in {show_span(due_ms - now_ms)})" if due_ms > now_ms else f"{show_time(due_ms)} (now)"


def show_mobile(mobile: str, *, reveal: bool) -> str:
    """The number, masked unless `reveal`."""
    return mobile if reveal else mask_mobile(mobile)


def show_params(params: Iterable[str], *, reveal: bool) -> list[str]:
    """The variables, the numbers in them masked unless `reveal`."""
    return [each if reveal else mask_text(each) for each in params]
