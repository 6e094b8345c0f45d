"""The numbers that the scripts enforce: an account's settings, in milliseconds, as they travel with each call."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property

from voice_notify.domain.windows import Limits

#: What Redis takes as an argument.
Argument = str | int | float


@dataclass(frozen=True)
class LedgerRules:
    """What the scripts enforce; times in milliseconds."""

    limits: Limits
    retention_ms: int  #: how long a final notification is kept
    dead_retention_ms: int  #: how long a dead letter is kept; 0: until a person moves it on
    max_line: int  #: open notifications in a line
    default_expires_ms: int
    lease_ms: int  #: how long a call may be in flight
    send_within_ms: int  #: how long after its grant the request may go on the wire
    call_interval_ms: float  #: least time between two calls of the account; 0: no limit
    daily_budget: int  #: billing units that calls of one day may cost; 0: no limit
    suspect_run: int
    cooldown_ms: int
    cooldown_max_ms: int
    outage_run: int = 5  #: numbers in a row that meet an outage before the account is paused
    outage_probe_ms: int = 2_000
    outage_probe_max_ms: int = 60_000
    urgent_priority: int = 7  #: from this one on, a notification may use the calls that a process keeps free
    worker_ttl_ms: int = 15_000  #: a worker that was silent for so long is presumed dead

    @cached_property
    def numbers(self) -> dict[str, float]:
        """All of them by name, those of the limits among them, as the scripts know them: `rules.gap_ms`."""
        numbers = asdict(self)
        limits: dict[str, float] = numbers.pop("limits")
        return numbers | limits
