"""Notifications by state, and how many there are in each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import tzinfo
from typing import Self

from pydantic import Field

from voice_notify.documents.document import Document
from voice_notify.documents.notification import NotificationDocument
from voice_notify.domain.states import State
from voice_notify.ledger.notifications import Record

#: In which order each state is listed.
ORDERS = {
    State.CALLING: "the one whose lease runs out first",
    State.WAITING: "the number that is due first, each number's in the order of its line",
    State.DEAD: "the oldest first",
    State.ACCEPTED: "the newest first",
    State.EXPIRED: "the newest first",
    State.CANCELLED: "the newest first",
}


class StateListDocument(Document):
    """The notifications in one state."""

    state: State = Field(description="The state that all of them are in.")
    order: str = Field(description="Which of them comes first, in words.")
    complete: bool = Field(description="False where the search was stopped before it had looked at all notifications.")
    more: bool = Field(description="Whether others match that are not listed.")
    notifications: tuple[NotificationDocument, ...] = Field(description="The first of them.")

    @classmethod
    def of(  # noqa: PLR0913 - what a search found, and how it is to be shown
        cls, state: State, records: Iterable[Record], zone: tzinfo, *, complete: bool, more: bool, reveal: bool = False
    ) -> Self:
        """The document of what a search for one state found, with its times in `zone`."""
        return cls(
            state=state,
            order=ORDERS[state],
            complete=complete,
            more=more,
            notifications=tuple(NotificationDocument.of(record, zone, reveal=reveal) for record in records),
        )


class NotificationListDocument(Document):
    """How many notifications there are, and some of them by state."""

    counts: Mapping[State, int] = Field(
        description="How many are in each state; `accepted`, `expired` and `cancelled` are all-time totals."
    )
    lists: tuple[StateListDocument, ...] = Field(description="A list for each state that was asked for.")
