"""What the sandbox remembers: each request that arrived, and each that broke a window."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from voice_notify.sandbox.faults import Fault
    from voice_notify.sandbox.windows import Collision


class Arrival(NamedTuple):
    """One moment on two clocks: windows are judged on the one that never jumps, people read the other."""

    monotonic: float
    epoch: float


@dataclass(frozen=True, slots=True)
class Attempt:
    """A request that arrived, and what became of it.

    `code` is what the reply's JSON says, None where there was no such reply; then `fault` says what there was.
    `placed` tells whether the phone rang, `units` what that was billed. `mobile` and the like are as sent, or empty.
    """

    sequence: int
    arrival: Arrival
    mobile: str
    template_id: str
    param: str
    code: int | None
    message: str
    fault: Fault | None
    placed: bool
    units: int

    @property
    def at(self) -> float:
        """The arrival in monotonic seconds."""
        return self.arrival.monotonic

    @property
    def call_id(self) -> str:
        """The call's name; empty if there was no call."""
        return f"{self.sequence:014}" if self.placed else ""

    @property
    def task_no(self) -> str:
        """The request's name."""
        return f"{int(self.arrival.epoch * 1000):013}{self.sequence:07}"

    @property
    def outcome(self) -> str:
        """The code, or the fault where the client got no code."""
        return str(self.fault if self.code is None else self.code)

    def to_json(self) -> dict[str, Any]:
        """An entry of `/sandbox/calls`; `arrived` is in epoch seconds."""
        return {
            "sequence": self.sequence,
            "arrived": self.arrival.epoch,
            "mobile": self.mobile,
            "templateId": self.template_id,
            "param": self.param,
            "code": self.code,
            "msg": self.message,
            "fault": self.fault,
            "placed": self.placed,
            "callId": self.call_id,
            "units": self.units,
        }


class Violation(NamedTuple):
    """A request that broke a window, whatever the sandbox then answered."""

    attempt: Attempt
    collision: Collision

    def to_json(self) -> dict[str, Any]:
        """An entry of `/sandbox/violations`: it came `after` seconds where the rule says at least `limit`."""
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


class Record:
    """Everything since the start or the last reset, in order of arrival."""

    def __init__(self) -> None:
        self.attempts: list[Attempt] = []
        self.violations: list[Violation] = []
        self._by_mobile: defaultdict[str, list[Attempt]] = defaultdict(list)
        self._by_outcome: Counter[str] = Counter()
        self._placed = 0
        self._units = 0

    def add(self, attempt: Attempt) -> None:
        """Remember a request that arrived."""
        self.attempts.append(attempt)
        self._by_mobile[attempt.mobile].append(attempt)
        self._by_outcome[attempt.outcome] += 1
        self._placed += attempt.placed
        self._units += attempt.units

    def of(self, mobile: str) -> list[Attempt]:
        """The requests for one mobile."""
        return self._by_mobile.get(mobile, [])

    def summary(self) -> dict[str, Any]:
        """The counts for `/sandbox/summary`."""
        return {
            "requests": len(self.attempts),
            "placed": self._placed,
            "by_code": dict(self._by_outcome),
            "violations": len(self.violations),
            "units": self._units,
        }
