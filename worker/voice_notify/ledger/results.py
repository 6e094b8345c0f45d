"""What the scripts answer in a word: closed lists, which a test compares with what the Lua says."""

from __future__ import annotations

from enum import StrEnum

from voice_notify.domain.states import State


class SubmitStatus(StrEnum):
    """What became of a submit."""

    STORED = "stored"
    DUPLICATE = "duplicate"  #: its id or its key was known: nothing new was stored
    CONFLICT = "conflict"  #: its id or its key is known with another number, template or variables
    FULL = "full"  #: the line of its number holds `max_line` open notifications


class ReplayStatus(StrEnum):
    """What became of a replay."""

    REPLAYED = "replayed"  #: it waits again
    ABSENT = "absent"  #: it is not in the dead letters
    CALLED = "called"  #: its phone rang, as a late success said
    FULL = "full"  #: the line of its number holds `max_line` open notifications


class Undecided(StrEnum):
    """Why a settlement did not decide the state of its notification."""

    LATE = "late"  #: the lease had run out: the reply is recorded, and a success is taken
    REPEATED = "repeated"  #: its lapsed call was settled before
    GONE = "gone"  #: there is no such notification


#: What a settlement came to: the state after it, if its attempt decides or, sent before, has decided; else why not.
SettleResult = State | Undecided
