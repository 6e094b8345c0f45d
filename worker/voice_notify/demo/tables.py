"""The demo's two tables: its settings before it begins, and its outcomes at the end."""

from __future__ import annotations

from collections.abc import Iterable

from rich.text import Text

from voice_notify.cli.rendering.output import print_table, print_text
from voice_notify.demo.check import Check, Seen
from voice_notify.demo.configuration import SHRUNK_SETTINGS
from voice_notify.settings import Settings


def print_settings() -> None:
    """Print each setting that is shrunk, beside its default."""
    fields = Settings.model_fields
    print_text("The times are shrunk for this demo. The defaults are the real ones:")
    print_table(
        ("setting", "here", "default", ""),
        (
            (name, f"{value:g} s", f"{fields[name].default:,g} s", meaning)
            for name, (value, meaning) in SHRUNK_SETTINGS.items()
        ),
    )


def print_outcomes(outcomes: Iterable[tuple[Check, Seen]]) -> None:
    """Print a row for each check."""
    marks = {True: Text("ok", style="green"), False: Text("FAILED", style="bold red")}
    print_table(
        ("", "case", "expected", "seen"),
        ((marks[seen.ok], check.case, check.expected, seen.text) for check, seen in outcomes),
    )
