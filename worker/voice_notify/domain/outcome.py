"""What one attempt to place a call came to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """The classes of outcome; each has one row in the retry policy (`domain/retry.py`)."""

    ACCEPTED = "accepted"  #: the provider placed the call
    TRANSIENT = "transient"  #: not placed; the same request may succeed soon
    TOMORROW = "tomorrow"  #: not placed; over the provider's limit until its next day
    REFUSED = "refused"  #: not placed; this request will never succeed
    UNCLEAR = "unclear"  #: the provider answered with a code whose meaning is not documented
    ACCOUNT = "account"  #: not placed; every request of this account fails
    UNCONFIRMED = "unconfirmed"  #: unknown: the phone may have woken


#: The codes of attempts that ended before a byte was written.
NOT_CONNECTED = frozenset({"connect", "connect-timeout", "tls", "dns"})
TOO_LATE = "too-late"
#: The code of an attempt whose worker was lost.
LEASE_RAN_OUT = "lease"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One attempt's outcome.

    `code` is the provider's code ("603"), the HTTP status where there was no documented reply ("http-502") or the
    failure of the wire ("connect", "read-timeout", "cut", "reply-too-large", "lease").
    `message` is the provider's `msg` or a short reason; it never holds the secret or a full number.
    """

    kind: Kind
    code: str
    message: str = ""
    call_id: str = ""
    task_no: str = ""

    @property
    def was_sent(self) -> bool:
        """Whether a request, or a part of one, was written."""
        return self.code not in NOT_CONNECTED and self.code != TOO_LATE
