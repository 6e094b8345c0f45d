"""Why a notification waits or ended, and why the account is paused: closed lists, which the scripts share.

A test compares them with what the Lua says (`tests/contract/test_vocabulary.py`).
"""

from __future__ import annotations

from enum import StrEnum

from voice_notify.domain.states import State


class Reason(StrEnum):
    """Why a waiting notification is not called now."""

    NEW = "new"  #: nothing holds it: it is called next
    GAP = "gap"  #: the time between two calls to one number
    DAILY = "daily"  #: the number had its calls of the day
    BACKOFF = "backoff"  #: an attempt was refused for now
    NOT_BEFORE = "not_before"  #: its `countdown` or `eta`
    PAUSED = "paused"  #: the account is paused
    QUOTA = "quota"  #: the provider's own limit for the number: it answered 606
    RATE = "rate"  #: `max_calls_per_second` of the account
    BACKLOG = "backlog"  #: others are called before it: more urgent ones, or longer due
    IN_FLIGHT = "in_flight"  #: another call to its number is on the wire
    RESEND = "resend"  #: an attempt had an unknown outcome, and its policy has it called again


class EndReason(StrEnum):
    """Why a notification ended as it did."""

    PLACED = "placed"  #: the provider answered 200
    LATE = "late"  #: it did so to an attempt that had been given up
    ASSUMED = "assumed"  #: the outcome is unknown, and the policy takes it as sent
    REFUSED = "refused"  #: the provider refuses this request whenever it is sent
    ACCOUNT = "account"  #: every call of the account fails
    EXHAUSTED = "exhausted"  #: refused for now, `max_attempts` times
    UNCLEAR = "unclear"  #: a code whose meaning is not documented
    UNCONFIRMED = "unconfirmed"  #: the outcome is unknown, and the policy or `max_unconfirmed` leaves it to a person
    DEADLINE = "deadline"  #: no call may begin any more
    CANCELLED = "cancelled"  #: withdrawn


#: The reasons of each final state.
END_REASONS: dict[State, tuple[EndReason, ...]] = {
    State.ACCEPTED: (EndReason.PLACED, EndReason.LATE, EndReason.ASSUMED),
    State.DEAD: (
        EndReason.REFUSED,
        EndReason.ACCOUNT,
        EndReason.EXHAUSTED,
        EndReason.UNCLEAR,
        EndReason.UNCONFIRMED,
    ),
    State.EXPIRED: (EndReason.DEADLINE,),
    State.CANCELLED: (EndReason.CANCELLED,),
}


class HistoryReason(StrEnum):
    """What the history of a notification tells besides the reasons above."""

    SUBMITTED = "submitted"
    ATTEMPT = "attempt"  #: a call began
    LATE = "late"  #: the reply to an attempt that had been given up
    CANCEL = "cancel"  #: asked for during the call


class PauseReason(StrEnum):
    """Why the account is paused."""

    WRONG_ADDRESS = "404"
    NOT_ENABLED = "601"
    SUSPENDED = "602"
    NO_BALANCE = "603"
    WITHDRAWN = "604"
    UNREACHABLE = "unreachable"  #: many numbers in a row met no proper reply
    MAINTENANCE = "maintenance"  #: many numbers in a row were told to come again later
    SUSPECT = "suspect"  #: refusals in a row, with one code, from different numbers
    QUOTA = "quota"  #: the same of 606
    BUDGET = "budget"  #: `daily_budget` is spent
    MANUAL = "manual"  #: a person paused it
