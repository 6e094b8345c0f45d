"""A request that arrived at the sandbox, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from voice_notify.sandbox.faults import Fault


class Arrival(NamedTuple):
    """One moment on two clocks, in seconds: windows are judged by the one that never jumps, people read the other."""

    monotonic: float
    epoch: float


@dataclass(frozen=True, slots=True)
class Attempt:
    """A request that arrived, and what became of it.

    `code` is the one in the reply's JSON; None if there was no such reply, and `fault` says what there was instead.
    `placed` says whether the phone rang, `units` what that cost. The fields of the request are as sent, or empty.
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
        """When it arrived, in monotonic seconds."""
        return self.arrival.monotonic

    @property
    def call_id(self) -> str:
        """The id of the call; empty if there was none."""
        return f"{self.sequence:014}" if self.placed else ""

    @property
    def task_no(self) -> str:
        """The id of the request."""
        return f"{int(self.arrival.epoch * 1000):013}{self.sequence:07}"

    @property
    def outcome(self) -> str:
        """The code; the fault if the client got no code."""
        return str(self.fault if self.code is None else self.code)

    def to_json(self) -> dict[str, Any]:
        """Return an entry of `/sandbox/calls`; `arrived` is in epoch seconds."""
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
