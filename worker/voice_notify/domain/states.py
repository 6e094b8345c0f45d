"""The states of a notification and the only ways from one to another (DESIGN.md, States)."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Where a notification is; every notification is in exactly one state."""

    WAITING = "waiting"  #: in its number's line, ready or scheduled
    CALLING = "calling"  #: leased to a worker; the request may be on the wire
    ACCEPTED = "accepted"  #: the provider took the call
    DEAD = "dead"  #: in the dead letters, until a person replays or purges it
    EXPIRED = "expired"  #: its deadline passed before it could be called
    CANCELLED = "cancelled"  #: withdrawn by a person or the application

    @property
    def final(self) -> bool:
        """Whether it stays so: nothing but a replay leads out, and only from `dead`."""
        return all(self not in ways for event, ways in TRANSITIONS.items() if event is not Event.REPLAY)


class Event(StrEnum):
    """What can move a notification from one state to another."""

    GRANT = "grant"  #: a worker may place its call
    SETTLE = "settle"  #: an attempt ended
    LATE_SUCCESS = "late_success"  #: an attempt that was given up had succeeded after all
    EXPIRE = "expire"  #: its deadline passed
    CANCEL = "cancel"  #: it was withdrawn
    REPLAY = "replay"  #: a person took it back from the dead letters


#: For each event the states it may start from, and those it may lead to. The scripts' own copy, by which they move
#: (`ledger/lua/shared/transitions.lua`), is compared with this one by a test.
TRANSITIONS: dict[Event, dict[State, frozenset[State]]] = {
    Event.GRANT: {State.WAITING: frozenset({State.CALLING})},
    Event.SETTLE: {
        State.CALLING: frozenset({State.WAITING, State.ACCEPTED, State.DEAD, State.EXPIRED, State.CANCELLED})
    },
    Event.LATE_SUCCESS: {State.WAITING: frozenset({State.ACCEPTED})},
    Event.EXPIRE: {State.WAITING: frozenset({State.EXPIRED})},
    Event.CANCEL: {State.WAITING: frozenset({State.CANCELLED})},
    Event.REPLAY: {State.DEAD: frozenset({State.WAITING})},
}
