"""Why a notification is not called yet, in sentences, and how it came to where it is."""

from __future__ import annotations

from collections.abc import Iterable

from voice_notify.cli.rendering.notification import state_text
from voice_notify.cli.rendering.output import print_table
from voice_notify.cli.rendering.pause import show_pause
from voice_notify.cli.rendering.times import show_time
from voice_notify.documents.notification import ExplanationDocument, TransitionDocument
from voice_notify.domain.reasons import Reason
from voice_notify.domain.states import State

#: What blocks a waiting notification, in a sentence.
BLOCKS = {
    Reason.NEW: "nothing: it is called next",
    Reason.GAP: "the least time between two calls to one number",
    Reason.DAILY: "the number has had its calls of the day",
    Reason.BACKOFF: "the last attempt was refused temporarily",
    Reason.NOT_BEFORE: "it is not to be called before its time",
    Reason.PAUSED: "the account is paused",
    Reason.QUOTA: "the provider's own limit of the day",
    Reason.RATE: "the account's calls per second (max_calls_per_second)",
    Reason.BACKLOG: "others are called before it: more urgent ones, or longer due",
    Reason.RESEND: "the last call had an unknown outcome: it is called again",
    Reason.IN_FLIGHT: "another call to its number is on the wire",
}

#: What blocks one that could be called, but for others.
_OF_OTHERS = {Reason.RATE, Reason.BACKLOG}


def block_fields(explained: ExplanationDocument) -> list[tuple[str, str]]:
    """What keeps a waiting notification from being called, as names and values; nothing of any other."""
    if explained.state is not State.WAITING:
        return []
    return [
        ("blocked by", BLOCKS[Reason(explained.reason)]),
        ("account", show_pause(explained.account_pause) if explained.account_pause else ""),
        ("ahead", _ahead(explained)),
        ("expected", _expected(explained)),
    ]


def _ahead(explained: ExplanationDocument) -> str:
    others = f", {explained.due_before:,} of other numbers" if explained.due_before else ""
    calling = f"; {explained.calling:,} calls in flight" if explained.reason in _OF_OTHERS else ""
    return f"{explained.ahead:,} on the same number{others}{calling}"


def _expected(explained: ExplanationDocument) -> str:
    if explained.eta is None:
        return "when a person resumes the account"
    if explained.deadline and explained.eta >= explained.deadline:
        return f"no call: it could begin at {show_time(explained.eta)}, after its deadline"
    return f"a call at {show_time(explained.eta)}"


def print_history(history: Iterable[TransitionDocument]) -> None:
    """Each transition with its time and reason."""
    print_table(
        ("time", "state", "reason", "detail"),
        ((show_time(each.at), state_text(each.state), each.reason, each.detail) for each in history),
    )
