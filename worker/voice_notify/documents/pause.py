"""A pause of the account."""

from __future__ import annotations

from datetime import tzinfo
from typing import Self

from pydantic import Field

from voice_notify.documents.document import Document, Moment, moment
from voice_notify.ledger.breaker import Pause


class PauseDocument(Document):
    """Why no call goes out, and until when."""

    reason: str = Field(
        description="The provider's code, such as `603`, or `unreachable`, `maintenance`, `suspect`, `quota`, `budget` "
        "or `manual`."
    )
    message: str = Field(
        description="The provider's message, or what the person who paused the account gave as the reason."
    )
    since: Moment = Field(description="When the pause began.")
    until: Moment | None = Field(
        description="When a call is let through as a probe; null where only a person ends the pause."
    )

    @classmethod
    def of(cls, pause: Pause, zone: tzinfo) -> Self:
        """The document of a pause, with its times in `zone`."""
        return cls(
            reason=pause.reason,
            message=pause.message,
            since=moment(pause.since_ms, zone),
            until=moment(pause.until_ms, zone),
        )
