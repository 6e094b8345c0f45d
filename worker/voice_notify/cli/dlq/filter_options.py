"""The options that choose dead letters."""

from __future__ import annotations

from typing import Any

import click

from voice_notify.cli.click_options import DURATION, together
from voice_notify.documents.advice import DEAD_LETTER_ADVICE
from voice_notify.ledger.dead_letters import Filter

filter_options = together(
    click.option("--code", help="Only those with this code, such as 400 or read-timeout."),
    click.option("--reason", help=f"Only those with this reason: {', '.join(DEAD_LETTER_ADVICE)}."),
    click.option("--number", "mobile", help="Only those to this number, all 11 digits."),
    click.option("--template", "template_id", help="Only those with this template."),
    click.option("--older-than", type=DURATION, help="Only those dead for longer, as in 30m, 2h, 1d."),
    click.option("--newer-than", type=DURATION, help="Only those dead for less."),
)


def make_filter(options: dict[str, Any]) -> Filter:
    """The filter of the values that click has for `filter_options`."""
    older, newer = options.pop("older_than"), options.pop("newer_than")
    return Filter(
        **options,
        older_than_ms=None if older is None else round(older * 1000),
        newer_than_ms=None if newer is None else round(newer * 1000),
    )
