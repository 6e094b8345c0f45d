"""Dead letters: one of them with its history, and a list with counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import tzinfo
from typing import Self

from pydantic import Field

from voice_notify.documents.advice import advise_on_dead_letter
from voice_notify.documents.document import Document
from voice_notify.documents.notification import (
    NotificationDocument,
    NotificationFields,
    TransitionDocument,
    history_of,
)
from voice_notify.ledger.explanation import Explanation
from voice_notify.ledger.listing import entry_text, parse_entry
from voice_notify.ledger.notifications import Record


class DeadLetterDocument(NotificationFields):
    """A dead letter, what has happened to it, and what a person can do about it."""

    advice: str = Field(description="What a person can do, in a sentence; empty where nothing is known to help.")
    history: tuple[TransitionDocument, ...] = Field(description="Each transition, the oldest first.")

    @classmethod
    def of(cls, explained: Explanation, zone: tzinfo, *, reveal: bool = False) -> Self:
        """The document of a dead letter, with its times in `zone` and numbers masked unless `reveal`."""
        as_it_stands = dict(NotificationDocument.of(explained.record, zone, reveal=reveal))
        return cls(
            **as_it_stands,
            advice=advise_on_dead_letter(explained.record),
            history=history_of(explained, zone),
        )


class DeadLetterCountDocument(Document):
    """How many dead letters have one code and one reason."""

    code: str = Field(description="The code of the last answer, such as `400` or `read-timeout`.")
    reason: str = Field(description="Why they are dead letters, such as `refused` or `exhausted`.")
    count: int = Field(description="How many there are.")


class DeadLetterListDocument(Document):
    """How many dead letters match, and some of them."""

    total: int = Field(description="How many match.")
    called: int = Field(
        description="How many of these rang after all, as a late success says; a replay leaves them out."
    )
    summary: tuple[DeadLetterCountDocument, ...] = Field(
        description="How many there are by code and reason, the most frequent first."
    )
    letters: tuple[NotificationDocument, ...] = Field(description="Those on this page, the oldest first.")
    next: str | None = Field(description="What `--after` takes for the next page; null where this is the last one.")

    @classmethod
    def of(
        cls, matching: Iterable[Record], limit: int, after: str | None, zone: tzinfo, *, reveal: bool = False
    ) -> Self:
        """The document of all that match, oldest first, with its times in `zone`.

        It lists the first `limit` of those that come after the place `after`. Raises `UnknownPlace`.
        """
        counts: Counter[tuple[str, str]] = Counter()
        listed: list[NotificationDocument] = []
        called, place, more = 0, parse_entry(after), False
        for record in matching:
            counts[record.code, record.reason] += 1
            called += bool(record.call_id)
            entry = (float(record.ended_ms or 0), record.id)
            if entry <= place:
                continue
            if len(listed) < limit:
                listed.append(NotificationDocument.of(record, zone, reveal=reveal))
                place = entry
            else:
                more = True
        return cls(
            total=counts.total(),
            called=called,
            summary=summary_of(counts),
            letters=tuple(listed),
            next=entry_text(place) if listed and more else None,
        )


def summary_of(counts: Counter[tuple[str, str]]) -> tuple[DeadLetterCountDocument, ...]:
    """Counts by code and reason, the most frequent first."""
    return tuple(
        DeadLetterCountDocument(code=code, reason=reason, count=count) for (code, reason), count in counts.most_common()
    )
