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


@dataclass(frozen=True, slots=True)
class Pauses:
    """All that hold the account: the breaker's, or a person's, before that of a spent budget."""

    all: tuple[Pause, ...]

    @classmethod
    def parse(cls, of_breaker: Mapping[str, str], of_budget: Mapping[str, str]) -> Pauses:
        """The pauses in their hashes."""
        found = (parse_pause(of_breaker), parse_pause(of_budget))
        return cls(tuple(pause for pause in found if pause))

    @property
    def first(self) -> Pause | None:
        """The one that rules; None while calls go out."""
        return self.all[0] if self.all else None

    @property
    def until_ms(self) -> int | None:
        """When the last of them may end; 0 while calls go out, None if only a person ends one."""
        if any(pause.until_ms is None for pause in self.all):
            return None
        return max((pause.until_ms or 0 for pause in self.all), default=0)


def parse_pause(fields: Mapping[str, str] | None) -> Pause | None:
    """The pause in the account's hash; None where the account is open."""
    if not fields:
        return None
    until = fields.get("until")
    return Pause(fields["reason"], fields["message"], int(fields["since"]), int(until) if until else None)
