"""What became of a submit: of one notification, or of a file of them."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from voice_notify.documents.document import Document, Moment
from voice_notify.domain.states import State


class SubmittedDocument(Document):
    """One notification that was submitted."""

    id: str = Field(description="Its id.")
    state: State = Field(description="The state it is in: one that was known already may have ended.")
    reason: str = Field(description="Why it is in this state; of a waiting one, what blocks it now.")
    eta: Moment | None = Field(
        description="When it is called, by estimate, or was called last; null where it ended without a call, or a "
        "person has to resume the account first."
    )
    deadline: Moment | None = Field(
        description="No call is placed after this moment; where `eta` is no earlier, it is expected to expire."
    )
    duplicate: bool = Field(description="Whether its key or id was known already, so that nothing new was submitted.")


class RefusedRowDocument(Document):
    """A row that was not submitted."""

    line: int = Field(description="The line of the file on which it begins, from 1.")
    field: str = Field(description="The column that is wrong, or `row`.")
    rule: str = Field(description="The rule that it breaks, in words.")


class SubmittedRowDocument(Document):
    """A row whose notification is known to the ledger."""

    line: int = Field(description="The line of the file on which it begins, from 1.")
    id: str = Field(description="The notification's id.")


class SubmittedFileDocument(Document):
    """What became of the rows of a file."""

    encoding: str = Field(description="The encoding of the file: `utf-8`, `gb18030` or `utf-16`.")
    rewritten: int = Field(
        description="How many rows had a number that was not written as 11 digits, but could be no other."
    )
    submitted: int = Field(description="How many were submitted.")
    already_known: int = Field(description="How many had a key that was known, and were not submitted again.")
    known_by_state: Mapping[State, int] = Field(description="In which states those are that were known.")
    refused: tuple[RefusedRowDocument, ...] = Field(description="Those that were refused, in the order of the file.")
    unknown_from_line: int | None = Field(
        description="From this line on Redis was lost, and rows may or may not be submitted; null where it was not."
    )
    notifications: tuple[SubmittedRowDocument, ...] = Field(
        description="Those that were submitted or known, in the order of the file."
    )
