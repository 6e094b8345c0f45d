"""The rows of a file that were refused, for people."""

from __future__ import annotations

from collections.abc import Iterable

import click

from voice_notify.documents.submission import RefusedRowDocument


def print_refused_rows(rows: Iterable[RefusedRowDocument]) -> None:
    """A line on stderr for each: where it begins, which column is wrong, and the rule that it breaks."""
    for row in rows:
        click.echo(f"line {row.line}: {row.field}: {row.rule}", err=True)
