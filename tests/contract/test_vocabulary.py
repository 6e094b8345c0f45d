"""The words that the scripts and Python share: enumerations, keys, fields and transitions are the same."""

from __future__ import annotations

import re
from pathlib import Path

from voice_notify.domain.notification import OnUnconfirmed
from voice_notify.domain.outcome import Kind
from voice_notify.domain.reasons import END_REASONS, EndReason, HistoryReason, PauseReason, Reason
from voice_notify.domain.retry import Verdict, Window
from voice_notify.domain.states import TRANSITIONS, Event, State
from voice_notify.ledger import keys, scripts
from voice_notify.ledger.ledger import Wakeup
from voice_notify.ledger.results import ReplayStatus, SubmitStatus, Undecided

LUA = {path.stem: path.read_text(encoding="utf-8") for path in Path(scripts.__file__).parent.glob("lua/**/*.lua")}

ENUMERATIONS = (
    State,
    Event,
    Reason,
    EndReason,
    HistoryReason,
    PauseReason,
    Kind,
    Verdict,
    Window,
    OnUnconfirmed,
    SubmitStatus,
    ReplayStatus,
    Undecided,
    Wakeup,
)
KEYS = {name for constant, name in vars(keys).items() if constant.isupper() and isinstance(name, str)}
#: The beginnings of the counters' names: `waiting:<reason>`, `final:<state>:<reason>`.
COUNTERS = {part for name in (*keys.TOTALS_FIELDS, "waiting:") for part in (name, name.partition("<")[0])}
#: Words of one script, or of Redis's own replies: a gate is passed from one function to another, a log says why.
LOCAL = {"open", "probe", "closed", "opened", "other", "late", "took", "inf", "table", "_ms"}


def literals(text: str) -> set[str]:
    """The words in quotes, but for commands of Redis and their options, and what has a blank; a counter's in parts."""
    code = re.sub(r"--[^\n]*", "", text)
    found = re.findall(r"'([^'\n]*)'", code)
    words = {word for word in found if re.fullmatch(r"[a-z_:]*[a-z_]+[a-z_:]*", word)}
    return {part for word in words for part in re.split("(?<=^deferred:)(?=.)", word)}


def test_every_word_of_the_scripts_is_declared() -> None:
    """No script says a state, a reason, a field or a key that Python does not know."""
    known = {str(member) for kinds in ENUMERATIONS for member in kinds} | KEYS | COUNTERS | LOCAL
    known |= keys.FIELDS.keys() | keys.ACCOUNT_FIELDS.keys()
    unknown = {(name, word) for name, text in LUA.items() for word in literals(text) - known}
    assert unknown == set()


def test_every_word_that_the_scripts_decide_is_said() -> None:
    """What Python expects of the scripts alone, they say."""
    said = {word for text in LUA.values() for word in literals(text)}
    decided = {
        *SubmitStatus,
        *ReplayStatus,
        *Undecided,
        *Verdict,
        *Window,
        State.CALLING,
        State.EXPIRED,
        State.CANCELLED,
    }
    decided |= {Reason.NEW, Reason.GAP, Reason.DAILY, Reason.QUOTA, Reason.NOT_BEFORE, Reason.PAUSED, Reason.RATE}
    decided |= {*Wakeup, EndReason.LATE, EndReason.DEADLINE, EndReason.CANCELLED}
    decided |= {
        PauseReason.UNREACHABLE,
        PauseReason.MAINTENANCE,
        PauseReason.SUSPECT,
        PauseReason.QUOTA,
        PauseReason.BUDGET,
        PauseReason.MANUAL,
    }
    decided |= {HistoryReason.ATTEMPT, HistoryReason.LATE, HistoryReason.CANCEL}
    assert {str(word) for word in decided - {Verdict.NONE, Window.COUNT}} - said == set()


def test_the_transitions_are_the_same() -> None:
    """The table by which the scripts move is that of `domain/states.py`."""
    table = set(re.findall(r"\['(\w+ \w+ \w+)'\] = true", LUA["transitions"]))
    assert table == {
        f"{event} {start} {end}" for event, ways in TRANSITIONS.items() for start, ends in ways.items() for end in ends
    }


def test_every_final_state_has_its_reasons() -> None:
    """Each reason of an end belongs to one state, and each final state has some."""
    assert set(END_REASONS) == {state for state in State if state.final}
    listed = [reason for reasons in END_REASONS.values() for reason in reasons]
    assert sorted(listed) == sorted(EndReason)
