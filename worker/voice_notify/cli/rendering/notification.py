"""A notification: its state in a line, its fields, what blocks it, and its history."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from rich.text import Text

from voice_notify.cli.rendering.output import print_table, print_text
from voice_notify.cli.rendering.pause import show_pause
from voice_notify.cli.rendering.times import show_due, show_time
from voice_notify.documents.notification import (
    ExplanationDocument,
    NotificationFields,
    StatusDocument,
    TransitionDocument,
)
from voice_notify.domain.reasons import Reason
from voice_notify.domain.states import State

_STATE_STYLES = {
    State.WAITING: "yellow",
    State.CALLING: "cyan",
    State.ACCEPTED: "green",
    State.DEAD: "red",
    State.EXPIRED: "magenta",
    State.CANCELLED: "dim",
}

#: What blocks a waiting notification, in a sentence.
BLOCKS = {
    Reason.NEW: "nothing: it is called next",
    Reason.GAP: "the least time between two calls to one number",
    Reason.DAILY: "the number has had its calls of the day",
    Reason.BACKOFF: "the last attempt was refused temporarily",
    Reason.NOT_BEFORE: "it is not to be called before its time",
    Reason.PAUSED: "the account is paused",
    Reason.QUOTA: "the provider's own limit of the day",
    Reason.RATE: "the account's calls per second",
    Reason.RESEND: "the last call had an unknown outcome: it is called again",
    Reason.IN_FLIGHT: "another call to its number is on the wire",
}


def state_text(state: State) -> Text:
    """A state in its colour."""
    return Text(state, style=_STATE_STYLES[state])


def notification_fields(notification: NotificationFields) -> list[tuple[str, str]]:
    """Its fields, as names and values."""
    each = notification
    unknown = f", {each.unconfirmed} of unknown outcome" if each.unconfirmed else ""
    return [
        ("mobile", each.mobile),
        ("template", each.template_id),
        ("variables", " | ".join(each.params)),
        ("priority", str(each.priority)),
        ("submitted", show_time(each.created_at)),
        ("deadline", show_time(each.deadline) if each.deadline else ""),
        ("ended", show_time(each.ended_at) if each.ended_at else ""),
        ("attempts", f"{each.attempts}{unknown}"),
        ("answer", f"{each.code}: {each.message}" if each.code else ""),
        ("call id", each.call_id),
        ("task no.", each.task_no),
    ]


def block_fields(explained: ExplanationDocument) -> list[tuple[str, str]]:
    """What keeps a waiting notification from being called, as names and values; nothing of any other."""
    if explained.state is not State.WAITING:
        return []
    return [
        ("blocked by", BLOCKS[Reason(explained.reason)]),
        ("account", show_pause(explained.account_pause) if explained.account_pause else ""),
        ("ahead", f"{explained.ahead} on the same number"),
    ]


def print_state(notification: NotificationFields) -> None:
    """The id, the state and the reason."""
    print_text(_state_line(notification))


def print_status(status: StatusDocument, now: datetime) -> None:
    """The id, the state and the reason; the next step, and when it is due as seen from `now`."""
    line = _state_line(status)
    if status.due_at is not None:
        line.append(f", {_next_step(status)} {show_due(status.due_at, now)}")
    elif status.state is State.WAITING:
        line.append(f", waits for a person to resume the account; {_deadline(status, now)}")
    print_text(line)


def _state_line(notification: NotificationFields) -> Text:
    each = notification
    return Text.assemble((each.id, "bold"), "  ", state_text(each.state), f" ({each.reason})")


def _next_step(status: StatusDocument) -> str:
    if status.state is State.CALLING:
        return "its lease runs out at"
    # It expires then, unless what blocks it ends earlier than forecast.
    return "its deadline comes first, at" if status.due_at == status.deadline else "next step at"


def _deadline(status: StatusDocument, now: datetime) -> str:
    return f"its deadline is {show_due(status.deadline, now)}" if status.deadline else "it has no deadline"


def print_history(history: Iterable[TransitionDocument]) -> None:
    """Each transition with its time and reason."""
    print_table(
        ("time", "state", "reason", "detail"),
        ((show_time(each.at), state_text(each.state), each.reason, each.detail) for each in history),
    )
