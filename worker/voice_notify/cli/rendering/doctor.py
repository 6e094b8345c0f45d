"""A finding of `voice-notify doctor` as a line, with what to do below it."""

from __future__ import annotations

from rich.text import Text

from voice_notify.cli.rendering.output import print_text
from voice_notify.documents.doctor import FindingDocument, Level

_STYLES = {Level.OK: "green", Level.WARNING: "yellow", Level.FAILED: "bold red"}
_LEVEL_WIDTH = 8
_CHECK_WIDTH = 17


def print_finding(finding: FindingDocument) -> None:
    """What was checked and found, and what to do about it."""
    level = (f"{finding.level:<{_LEVEL_WIDTH}}", _STYLES[finding.level])
    print_text(Text.assemble(level, f"  {finding.check:<{_CHECK_WIDTH}}  {finding.text}"))
    if finding.advice:
        indent = " " * (_LEVEL_WIDTH + 2 + _CHECK_WIDTH + 2)
        print_text(Text(f"{indent}→ {finding.advice}", style="dim"))
