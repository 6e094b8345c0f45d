"""What the commands of `voice-notify dlq` share: which letters are meant, how many they are, what can be done."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from voice_notify.accounts import current_account
from voice_notify.cli.click_options import duration, together
from voice_notify.cli.rendering.output import print_table, print_text
from voice_notify.ledger.dead_letters import DeadLetters, Filter

if TYPE_CHECKING:
    from voice_notify.ledger.notifications import Record

#: What a person can do about a dead letter, by its reason.
ADVICE = {
    "refused": "The provider refuses this request whenever it is sent: correct it and submit it anew.",
    "account": "The account's fault, not the letter's: replay it when voice-notify account show says open.",
    "exhausted": "It was refused for the moment too often: replay it when the provider is well again.",
    "unclear": "The provider's answer is not documented: ask the provider before a replay, the phone may have rung.",
    "unconfirmed": "Nobody knows whether the phone rang: ask the callee, or the provider, before a replay.",
}
#: And about one whose call was reported as placed after all.
ADVICE_CALLED = (
    "It has a call id, because a success was reported late: the phone rang. Purge it, unless it shall ring again."
)

#: Which letters.
filters = together(
    click.option("--code", help="Only those with this code, such as 400 or read-timeout."),
    click.option("--reason", help=f"Only those with this reason: {', '.join(ADVICE)}."),
    click.option("--number", "mobile", help="Only those to this number, all 11 digits."),
    click.option("--template", "template_id", help="Only those with this template."),
    click.option("--older-than", type=duration, help="Only those dead for longer, as in 30m, 2h, 1d."),
    click.option("--newer-than", type=duration, help="Only those dead for less."),
)


def dead_letters() -> DeadLetters:
    """The account's."""
    return DeadLetters(current_account().ledger.scripts)


def make_filter(options: dict[str, Any]) -> Filter:
    """What the options of `filters` say."""
    older, newer = options.pop("older_than"), options.pop("newer_than")
    return Filter(
        **options,
        older_than_ms=None if older is None else round(older * 1000),
        newer_than_ms=None if newer is None else round(newer * 1000),
    )


def may_have_rung(letter: Record) -> bool:
    """Whether nobody knows if a call of it was placed."""
    return not letter.call_id and (letter.unconfirmed > 0 or letter.reason in {"unclear", "unconfirmed"})


def advice(letter: Record) -> str:
    """What a person can do about it."""
    return ADVICE_CALLED if letter.call_id else ADVICE.get(letter.reason, "")


def print_summary(counts: Counter[tuple[str, str]]) -> None:
    """How many there are by code and reason, most first."""
    if not counts:
        print_text("no dead letters match")
        return
    print_table(("count", "code", "reason"), [(str(n), code, reason) for (code, reason), n in counts.most_common()])
