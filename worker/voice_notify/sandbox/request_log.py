"""The log of requests: each that arrived, and each that broke a window."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from voice_notify.sandbox.attempt import Attempt
    from voice_notify.sandbox.windows import Collision


class Violation(NamedTuple):
    """A request that broke a window, whatever the sandbox answered."""

    attempt: Attempt
    collision: Collision

    def to_json(self) -> dict[str, Any]:
        """Return an entry of `/sandbox/violations`: the request came `after` seconds, where `limit` is the least."""
        window, calls, limit = self.collision
        return {
            "kind": window,
            "mobile": self.attempt.mobile,
            "sequence": self.attempt.sequence,
            "arrived": self.attempt.arrival.epoch,
            "after": self.attempt.at - calls[0].at,
            "limit": limit,
            "collides_with": [{"sequence": call.sequence, "arrived": call.arrival.epoch} for call in calls],
        }


class RequestLog:
    """The requests since the start or the last reset, in order of arrival."""

    def __init__(self) -> None:
        self.attempts: list[Attempt] = []
        self.violations: list[Violation] = []
        self._by_mobile: defaultdict[str, list[Attempt]] = defaultdict(list)
        self._by_outcome: Counter[str] = Counter()
        self._placed = 0
        self._units = 0

    def add(self, attempt: Attempt) -> None:
        """Add a request that arrived."""
        self.attempts.append(attempt)
        self._by_mobile[attempt.mobile].append(attempt)
        self._by_outcome[attempt.outcome] += 1
        self._placed += attempt.placed
        self._units += attempt.units

    def attempts_for(self, mobile: str) -> list[Attempt]:
        """Return the requests for one number."""
        return self._by_mobile.get(mobile, [])

    def summary(self) -> dict[str, Any]:
        """Return the counts for `/sandbox/summary`."""
        return {
            "requests": len(self.attempts),
            "placed": self._placed,
            "by_code": dict(self._by_outcome),
            "violations": len(self.violations),
            "units": self._units,
        }
