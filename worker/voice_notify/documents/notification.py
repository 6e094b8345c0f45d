"""One notification: as it stands, and with all that is known of its past and its next step."""

from __future__ import annotations

from datetime import tzinfo
from typing import Any, Self

from pydantic import Field

from voice_notify.documents.document import Document, Moment, moment, shown_mobile, shown_params
from voice_notify.documents.pause import PauseDocument
from voice_notify.domain.states import State
from voice_notify.ledger.explanation import Explanation, Transition
from voice_notify.ledger.notifications import Record


class NotificationFields(Document):
    """What every document of one notification has."""

    id: str = Field(description="Its id, which `status`, `explain` and `cancel` take.")
    mobile: str = Field(description="The number to call, as `138****8000` unless it was asked for in full.")
    template_id: str = Field(description="The provider's id of the template.")
    params: tuple[str, ...] = Field(
        description="The template's variables, in order; numbers in them are masked like `mobile`."
    )
    priority: int = Field(description="0 to 9; 9 goes first.")
    state: State = Field(description="The state it is in.")
    reason: str = Field(description="Why it is in this state; of a waiting one, why it is not called yet.")
    created_at: Moment = Field(description="When it was submitted.")
    deadline: Moment | None = Field(description="No call is placed after this moment.")
    ended_at: Moment | None = Field(description="When it reached its final state; null while it is open.")
    attempts: int = Field(description="How many calls were tried.")
    unconfirmed: int = Field(description="How many of these have an unknown outcome.")
    code: str = Field(
        description="The code of the last answer, such as `200` or `read-timeout`; empty before the first."
    )
    message: str = Field(description="The message of the last answer.")
    call_id: str = Field(description="The provider's id of the call, once it took one.")
    task_no: str = Field(description="The provider's number of the task, once it took a call.")


class NotificationDocument(NotificationFields):
    """A notification as it stands."""

    @classmethod
    def of(cls, record: Record, zone: tzinfo, *, reveal: bool = False, reason: str | None = None) -> Self:
        """The document of a record, with its times in `zone` and numbers masked unless `reveal`.

        `reason` is what blocks it now, if that is known; else that of its newest transition.
        """
        return cls(
            id=record.id,
            mobile=shown_mobile(record.mobile, reveal=reveal),
            template_id=record.template_id,
            params=shown_params(record.params, reveal=reveal),
            priority=record.priority,
            state=record.state,
            reason=record.reason if reason is None else reason,
            created_at=moment(record.created_ms, zone),
            deadline=moment(record.deadline_ms, zone),
            ended_at=moment(record.ended_ms, zone),
            attempts=record.attempts,
            unconfirmed=record.unconfirmed,
            code=record.code,
            message=record.message,
            call_id=record.call_id,
            task_no=record.task_no,
        )


class TransitionDocument(Document):
    """One line of a notification's history."""

    at: Moment = Field(description="When it happened.")
    state: State = Field(description="The state that the notification entered.")
    reason: str = Field(description="Why.")
    detail: str = Field(description="More about it, such as the provider's code and message; often empty.")

    @classmethod
    def of(cls, transition: Transition, zone: tzinfo) -> Self:
        """The document of a transition, with its time in `zone`."""
        return cls(
            at=moment(transition.at_ms, zone),
            state=transition.state,
            reason=transition.reason,
            detail=transition.detail,
        )


class StatusDocument(NotificationFields):
    """A notification as it stands, and when its next step is due. `reason` is what blocks it now."""

    due_at: Moment | None = Field(
        description="When its next step is due; null where it is in a final state or waits for a person."
    )

    @classmethod
    def of(cls, explained: Explanation, zone: tzinfo, *, reveal: bool = False) -> Self:
        """The document of an explanation, with its times in `zone` and numbers masked unless `reveal`."""
        return cls(**_status_values(explained, zone, reveal=reveal))


class ExplanationDocument(StatusDocument):
    """A notification as it stands, what blocks it, and what has happened to it."""

    ahead: int = Field(description="How many are called before it on the same number, a call in flight included.")
    due_before: int = Field(description="How many other numbers are due now and called before its own.")
    calling: int = Field(description="How many calls of the account are in flight.")
    eta: Moment | None = Field(
        description="When it is called, by estimate, or was called last; null where it ended without a call, or a "
        "person has to resume the account first. Later than `deadline` where it is expected to expire."
    )
    account_pause: PauseDocument | None = Field(description="The account's pause; null while calls go out.")
    history: tuple[TransitionDocument, ...] = Field(description="Each transition, the oldest first.")

    @classmethod
    def of(cls, explained: Explanation, zone: tzinfo, *, reveal: bool = False) -> Self:
        """The document of an explanation, with its times in `zone` and numbers masked unless `reveal`."""
        return cls(
            **_status_values(explained, zone, reveal=reveal),
            ahead=explained.ahead,
            due_before=explained.due_before,
            calling=explained.calling,
            eta=moment(explained.eta_ms, zone),
            account_pause=PauseDocument.of(explained.pause, zone) if explained.pause else None,
            history=history_of(explained, zone),
        )


def history_of(explained: Explanation, zone: tzinfo) -> tuple[TransitionDocument, ...]:
    """Each transition of a notification, the oldest first, with its time in `zone`."""
    return tuple(TransitionDocument.of(each, zone) for each in explained.history)


def _status_values(explained: Explanation, zone: tzinfo, *, reveal: bool) -> dict[str, Any]:
    as_it_stands = dict(NotificationDocument.of(explained.record, zone, reveal=reveal))
    return as_it_stands | {"reason": explained.reason, "due_at": moment(explained.due_ms, zone)}
