"""Notifications by state, and how many there are in each."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo
from typing import Self

from pydantic import Field

from voice_notify.documents.document import Document
from voice_notify.documents.notification import NotificationDocument
from voice_notify.domain.states import State
from voice_notify.ledger.listing import Found

#: In which order each state is listed.
ORDERS = {
    State.CALLING: "the one whose lease runs out first",
    State.WAITING: "the number whose turn comes first, each number's in the order of its line",
    State.DEAD: "the oldest first",
    State.ACCEPTED: "the newest first",
    State.EXPIRED: "the newest first",
    State.CANCELLED: "the newest first",
}


class StateListDocument(Document):
    """The notifications in one state."""

    state: State = Field(description="The state that all of them are in.")
    order: str = Field(description="Which of them comes first, in words.")
    complete: bool = Field(description="False where the search was stopped before it had found enough.")
    notifications: tuple[NotificationDocument, ...] = Field(description="Those on this page.")
    next: str | None = Field(
        description="What `--after` takes for the next page, which may be empty; null where this is the last one."
    )

    @classmethod
    def of(cls, state: State, found: Found, zone: tzinfo, *, reasons: Mapping[str, str], reveal: bool = False) -> Self:
        """The document of what a search for one state found, with its times in `zone`.

        `reasons` has what blocks them now, by id, of those that wait.
        """
        return cls(
            state=state,
            order=ORDERS[state],
            complete=found.complete,
            notifications=tuple(
                NotificationDocument.of(record, zone, reveal=reveal, reason=reasons.get(record.id))
                for record in found.records
            ),
            next=found.next,
        )


class NotificationListDocument(Document):
    """How many notifications there are, and some of them by state."""

    counts: Mapping[State, int] = Field(
        description="How many are in each state; `accepted`, `expired` and `cancelled` are all-time totals."
    )
    lists: tuple[StateListDocument, ...] = Field(description="A list for each state that was asked for.")
