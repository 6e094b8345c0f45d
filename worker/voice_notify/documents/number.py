"""One phone number: its calls, what limits it, and its line."""

from __future__ import annotations

from datetime import tzinfo
from typing import Literal, Self

from pydantic import Field

from voice_notify.documents.document import Document, Moment, moment, shown_mobile
from voice_notify.documents.pause import PauseDocument
from voice_notify.domain.reasons import Reason
from voice_notify.domain.states import State
from voice_notify.ledger.numbers import InLine, NumberView, Place

#: Where a notification stands, as documents name it.
_PLACES: dict[Place, Literal["on the wire", "in line", "scheduled"]] = {
    Place.ON_THE_WIRE: "on the wire",
    Place.IN_LINE: "in line",
    Place.SCHEDULED: "scheduled",
}


class CallDocument(Document):
    """A call that counts towards the number's limits."""

    at: Moment = Field(description="When it was placed.")
    leaves_window_at: Moment = Field(description="When it no longer counts towards `max_calls`.")


class InLineDocument(Document):
    """An open notification for the number."""

    id: str = Field(description="Its id.")
    state: State = Field(description="The state it is in.")
    reason: str = Field(description="Why it is in this state; of a waiting one, what blocks it now.")
    where: Literal["on the wire", "in line", "scheduled"] = Field(
        description="On the wire: its call is in flight. Scheduled: it joins the line at its own time or after backoff."
    )
    priority: int = Field(description="0 to 9; 9 goes first.")
    due_at: Moment | None = Field(
        description="When it is called if nothing more is submitted; of one on the wire, when its lease runs out. "
        "Null where its deadline comes first or a person has to resume the account."
    )
    deadline: Moment | None = Field(description="No call is placed after this moment.")

    @classmethod
    def of(cls, each: InLine, zone: tzinfo) -> Self:
        """The document of a notification in a number's line, with its times in `zone`."""
        return cls(
            id=each.record.id,
            state=each.record.state,
            reason=each.reason,
            where=_PLACES[each.place],
            priority=each.record.priority,
            due_at=moment(each.due_ms, zone),
            deadline=moment(each.record.deadline_ms, zone),
        )


class NumberDocument(Document):
    """A number at one moment."""

    mobile: str = Field(description="The number, as `138****8000` unless it was asked for in full.")
    at: Moment = Field(description="The moment, by the clock of Redis.")
    min_interval: float = Field(description="The least time between two calls, in seconds.")
    max_calls: int = Field(description="The most calls in a window.")
    window: float = Field(description="The length of the window, in seconds.")
    calls: tuple[CallDocument, ...] = Field(
        description="The calls in the window, the oldest first; one on the wire is among them."
    )
    calls_left: int = Field(description="How many more calls the window allows now.")
    next_free_at: Moment = Field(description="When the number's own limits allow a call.")
    blocked_by: Reason | None = Field(description="What keeps it from being called now; null where nothing does.")
    due_before: int = Field(description="How many other numbers are due now and called before it.")
    held_until: Moment | None = Field(
        description="Until when the provider's own limit (606) holds it; null where it does not."
    )
    account_pause: PauseDocument | None = Field(description="The account's pause; null while calls go out.")
    open: int = Field(description="How many notifications are open for it.")
    line: tuple[InLineDocument, ...] = Field(description="The first of these, in the order of its line.")

    @classmethod
    def of(cls, view: NumberView, zone: tzinfo, *, reveal: bool = False) -> Self:
        """The document of a number, with its times in `zone`, masked unless `reveal`."""
        limits = view.limits
        return cls(
            mobile=shown_mobile(view.mobile, reveal=reveal),
            at=moment(view.now_ms, zone),
            min_interval=limits.gap_ms / 1000,
            max_calls=limits.max_calls,
            window=limits.window_ms / 1000,
            calls=tuple(
                CallDocument(at=moment(call_ms, zone), leaves_window_at=moment(call_ms + limits.window_ms, zone))
                for call_ms in view.calls
            ),
            calls_left=view.left,
            next_free_at=moment(view.free_ms, zone),
            blocked_by=None if view.reason is Reason.NEW else view.reason,
            due_before=view.due_before,
            held_until=moment(view.hold_ms or None, zone),
            account_pause=PauseDocument.of(view.pause, zone) if view.pause else None,
            open=view.open,
            line=tuple(InLineDocument.of(each, zone) for each in view.line),
        )
