"""The faults that can be asked for, and the magic numbers that bring them about."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from voice_notify.sandbox.codes import MESSAGES, PLACED, message_of

SLOW_REPLY_S = 2.0
FAILURES_BEFORE_RECOVERY = 2


class Fault(StrEnum):
    """A behaviour other than a code in the documented JSON."""

    HANG = "hang"
    CUT = "cut"
    GARBAGE = "garbage"
    SLOW = "slow"
    NO_CALL_ID = "no_call_id"
    CUT_BEFORE = "cut_before"
    RECOVERS = "recovers"
    HTTP_429 = "http_429"
    HTTP_502 = "http_502"
    HTTP_503 = "http_503"

    @property
    def places_call(self) -> bool:
        """Whether the phone rings nevertheless, so that the call counts in the windows and is billed."""
        return self in _PLACING


_PLACING = {Fault.HANG, Fault.CUT, Fault.GARBAGE, Fault.SLOW, Fault.NO_CALL_ID}

_MEANINGS = {
    Fault.HANG: "places the call, then never replies",
    Fault.CUT: "places the call, then cuts the connection",
    Fault.GARBAGE: "places the call, then replies what is not JSON",
    Fault.SLOW: f"places the call, and replies {SLOW_REPLY_S:g} s later",
    Fault.NO_CALL_ID: "places the call, and replies 200 without a callId",
    Fault.CUT_BEFORE: "cuts the connection, no call",
    Fault.RECOVERS: f"replies 500 the first {FAILURES_BEFORE_RECOVERY} times, then places the call",
    Fault.HTTP_429: "HTTP status 429 without JSON, no call",
    Fault.HTTP_502: "HTTP status 502 with a page of HTML, no call",
    Fault.HTTP_503: "HTTP status 503 without JSON, no call",
}

Action = Annotated[int, Field(gt=PLACED, le=999)] | Fault
"""What happens to a request: a code in the reply instead of a call, or a `Fault`."""

MAGIC_NUMBERS: dict[str, Action] = {
    **{f"{code:04}": code for code in MESSAGES if code != PLACED},
    "0777": 777,
    "0001": Fault.RECOVERS,
    "0429": Fault.HTTP_429,
    "0502": Fault.HTTP_502,
    "0503": Fault.HTTP_503,
    "0901": Fault.HANG,
    "0902": Fault.CUT,
    "0903": Fault.GARBAGE,
    "0904": Fault.SLOW,
    "0905": Fault.NO_CALL_ID,
    "0906": Fault.CUT_BEFORE,
}
"""The last four digits of a mobile, and what happens to each request for it."""


def magic_number_table() -> list[tuple[str, str]]:
    """Return (last four digits, what happens to the request), as `--help` and the README show it."""
    return [(digits, _meaning(MAGIC_NUMBERS[digits])) for digits in sorted(MAGIC_NUMBERS)]


def _meaning(action: Action) -> str:
    if isinstance(action, Fault):
        return _MEANINGS[action]
    if action in MESSAGES:
        return f"replies {action} {message_of(action)}"
    return f"replies {action}, a code that is not documented"
