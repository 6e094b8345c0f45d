"""A notification, its history and the account's pause, as people see them and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from voice_notify.cli.rendering.output import (
    iso_time,
    print_table,
    print_text,
    show_due,
    show_mobile,
    show_params,
    show_time,
    state_text,
)
from voice_notify.domain.reasons import Reason
from voice_notify.domain.states import State

if TYPE_CHECKING:
    from voice_notify.ledger.breaker import Pause
    from voice_notify.ledger.explanation import Explanation
    from voice_notify.ledger.notifications import Record


#: What blocks a waiting notification, in a sentence.
BLOCKS = {
    Reason.NEW: "nothing: it is called next",
    Reason.GAP: "the pause between two calls to one number",
    Reason.DAILY: "the number has had its calls of the day",
    Reason.BACKOFF: "the last attempt was refused for now",
    Reason.NOT_BEFORE: "it is not to be called before its time",
    Reason.PAUSED: "the account is paused",
    Reason.QUOTA: "the provider's own limit",
    Reason.IN_FLIGHT: "another call to its number is on the wire",
}


def show_pause(pause: Pause) -> str:
    """Why, since when, and what ends it."""
    why = f"{pause.reason} {pause.message}".rstrip()
    end = (
        "until a person resumes it" if pause.until_ms is None else f"one call probes it at {show_time(pause.until_ms)}"
    )
    return f"paused ({why}) since {show_time(pause.since_ms)}, {end}"


def pause_document(pause: Pause | None) -> dict[str, object] | None:
    """A pause for JSON."""
    if pause is None:
        return None
    return {
        "reason": pause.reason,
        "message": pause.message,
        "since": iso_time(pause.since_ms),
        "until": iso_time(pause.until_ms),
    }


def record_document(record: Record, *, reveal: bool) -> dict[str, object]:
    """A notification for JSON."""
    return {
        "id": record.id,
        "mobile": show_mobile(record.mobile, reveal=reveal),
        "template_id": record.template_id,
        "params": show_params(record.params, reveal=reveal),
        "priority": record.priority,
        "state": record.state,
        "reason": record.reason,
        "created_at": iso_time(record.created_ms),
        "deadline": iso_time(record.deadline_ms),
        "ended_at": iso_time(record.ended_ms),
        "attempts": record.attempts,
        "unconfirmed": record.unconfirmed,
        "code": record.code,
        "message": record.message,
        "call_id": record.call_id,
        "task_no": record.task_no,
    }


def record_fields(record: Record, *, reveal: bool) -> list[tuple[str, str]]:
    """A notification for people, as names and values."""
    unknown = f", {record.unconfirmed} of unknown outcome" if record.unconfirmed else ""
    return [
        ("mobile", show_mobile(record.mobile, reveal=reveal)),
        ("template", record.template_id),
        ("variables", " | ".join(show_params(record.params, reveal=reveal))),
        ("priority", str(record.priority)),
        ("submitted", show_time(record.created_ms)),
        ("deadline", show_time(record.deadline_ms) if record.deadline_ms else ""),
        ("ended", show_time(record.ended_ms) if record.ended_ms else ""),
        ("attempts", f"{record.attempts}{unknown}"),
        ("answer", f"{record.code}: {record.message}" if record.code else ""),
        ("call id", record.call_id),
        ("task no.", record.task_no),
    ]


def print_state(explained: Explanation) -> None:
    """The id, the state and why, and what comes next and when."""
    state = explained.record.state
    line = Text.assemble((explained.record.id, "bold"), "  ", state_text(state), f" ({explained.reason})")
    if explained.due_ms is not None:
        line.append(f", {_next_step(explained)} {show_due(explained.due_ms, explained.now_ms)}")
    elif state is State.WAITING:
        line.append(f", waits for a person to resume the account; {_deadline(explained)}")
    print_text(line)


def _next_step(explained: Explanation) -> str:
    if explained.record.state is State.CALLING:
        return "its lease runs out at"
    # It expires there, unless what blocks it ends sooner than foretold.
    return "its deadline comes first, at" if explained.due_ms == explained.record.deadline_ms else "next step at"


def _deadline(explained: Explanation) -> str:
    deadline = explained.record.deadline_ms
    return f"its deadline is {show_due(deadline, explained.now_ms)}" if deadline else "it has no deadline"


def print_history(explained: Explanation) -> None:
    """Each transition with time and reason."""
    print_table(
        ("time", "state", "reason", "detail"),
        ((show_time(each.at_ms), state_text(each.state), each.reason, each.detail) for each in explained.history),
    )


def history_document(explained: Explanation) -> list[dict[str, object]]:
    """The transitions for JSON."""
    return [
        {"at": iso_time(each.at_ms), "state": each.state, "reason": each.reason, "detail": each.detail}
        for each in explained.history
    ]
