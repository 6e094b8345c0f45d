"""The account's breaker as the ledger holds it: why nothing is called, and until when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pause:
    """Why the account is paused, and until when."""

    reason: str  #: a `domain.reasons.PauseReason`
    message: str
    since_ms: int
    until_ms: int | None  #: when calls go out again, or one probe is let through; None: not until a person resumes


def parse_pause(fields: Mapping[str, str] | None) -> Pause | None:
    """The pause in the account's hash; None where the account is open."""
    if not fields:
        return None
    until = fields.get("until")
    return Pause(fields["reason"], fields["message"], int(fields["since"]), int(until) if until else None)
