"""The states of a notification and the only ways from one to another (DESIGN.md, States)."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Where a notification is; every notification is in exactly one state."""

    WAITING = "waiting"  #: in its number's line, or beside it until a time
    CALLING = "calling"  #: leased to a worker; the request may be on the wire
    ACCEPTED = "accepted"  #: the provider took the call
    DEAD = "dead"  #: in the dead letters, until a person replays or purges it
    EXPIRED = "expired"  #: its deadline passed before it could be called
    CANCELLED = "cancelled"  #: withdrawn by a person or the application

    @property
    def final(self) -> bool:
        """Whether it stays so; only a replay leads out, and only from `dead`."""
        return not TRANSITIONS[self] or self is State.DEAD


class Reason(StrEnum):
    """Why a waiting notification is not called now."""

    NEW = "new"  #: nothing holds it: it is called next
    GAP = "gap"  #: the pause between two calls to one number
    DAILY = "daily"  #: the number had its calls of the day
    BACKOFF = "backoff"  #: an attempt was refused for now
    NOT_BEFORE = "not_before"  #: its `countdown` or `eta`
    PAUSED = "paused"  #: the account is paused
    QUOTA = "quota"  #: the provider's own limit: 606, or `max_calls_per_second`
    IN_FLIGHT = "in_flight"  #: another call to its number is on the wire


TRANSITIONS: dict[State, frozenset[State]] = {
    State.WAITING: frozenset({State.CALLING, State.EXPIRED, State.CANCELLED, State.ACCEPTED}),  # a late success
    State.CALLING: frozenset({State.WAITING, State.ACCEPTED, State.DEAD, State.EXPIRED, State.CANCELLED}),
    State.ACCEPTED: frozenset(),
    State.DEAD: frozenset({State.WAITING}),  # a replay
    State.EXPIRED: frozenset(),
    State.CANCELLED: frozenset(),
}
