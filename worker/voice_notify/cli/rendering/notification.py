"""A notification: its state in a line, and its fields."""

from __future__ import annotations

from datetime import datetime

from rich.text import Text

from voice_notify.cli.rendering.output import print_text
from voice_notify.cli.rendering.times import show_due, show_time
from voice_notify.documents.notification import (
    NotificationFields,
    StatusDocument,
)
from voice_notify.domain.states import State

_STATE_STYLES = {
    State.WAITING: "yellow",
    State.CALLING: "cyan",
    State.ACCEPTED: "green",
    State.DEAD: "red",
    State.EXPIRED: "magenta",
    State.CANCELLED: "dim",
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
