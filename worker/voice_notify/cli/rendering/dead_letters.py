"""Dead letters: how many there are, and a table of them."""

from __future__ import annotations

from collections.abc import Sequence

from voice_notify.cli.rendering.output import print_table, print_text
from voice_notify.cli.rendering.times import show_time
from voice_notify.documents.dead_letter import DeadLetterCountDocument, DeadLetterListDocument
from voice_notify.documents.notification import NotificationDocument


def print_dead_letters(found: DeadLetterListDocument) -> None:
    """The counts, then those on this page, and how to go on."""
    print_summary(found.summary)
    if found.called:
        print_text(f"{found.called} of these rang after all (a success was reported late): a replay leaves them out.")
    if found.letters:
        print_text("")
        _print_table(found.letters)
    if found.next is not None:
        print_text(f"… and more: --after {found.next} goes on")


def print_summary(counts: Sequence[DeadLetterCountDocument]) -> None:
    """How many there are by code and reason."""
    if not counts:
        print_text("no dead letters match")
        return
    print_table(
        ("count", "code", "reason"), [(str(each.count), each.code, each.reason) for each in counts], numbers=("count",)
    )


def count_dead_letters(count: int) -> str:
    """`1 dead letter`, `2 dead letters`."""
    return f"{count} dead letter{'s' * (count != 1)}"


def _print_table(dead_letters: Sequence[NotificationDocument]) -> None:
    print_table(
        ("id", "dead since", "mobile", "template", "code", "reason", "message"),
        (
            (
                each.id,
                show_time(each.ended_at) if each.ended_at else "",
                each.mobile,
                each.template_id,
                each.code,
                each.reason,
                each.message,
            )
            for each in dead_letters
        ),
    )
