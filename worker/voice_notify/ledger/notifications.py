"""What the ledger tells about a notification and about the account."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from voice_notify.domain.forecast import Limits, Others, forecast
from voice_notify.domain.states import Reason, State


@dataclass(frozen=True, slots=True)
class Transition:
    """One line of a notification's history."""

    at_ms: int
    state: State
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Pause:
    """Why the account is paused, and until when."""

    reason: str  #: the provider's code, `suspect`, `quota` or `manual`
    message: str
    since_ms: int
    until_ms: int | None  #: when one probe is let through; None: not until a person resumes


@dataclass(frozen=True, slots=True)
class Record:
    """One notification as it stands in the ledger."""

    id: str
    mobile: str
    template_id: str
    params: tuple[str, ...]
    priority: int
    state: State
    reason: str  #: the reason of its newest transition
    created_ms: int
    deadline_ms: int | None
    ended_ms: int | None
    attempts: int
    unconfirmed: int
    code: str
    message: str
    call_id: str
    task_no: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """Guarantee G5: state, history, what blocks it now, how many are ahead, and when the next step is due."""

    record: Record
    now_ms: int
    reason: str  #: of a waiting notification: `Reason`, what blocks it now; else of its newest transition
    #: When its next step is due: its call, its deadline if that is sooner, the end of its lease. None: it is final, or
    #: waits for a person.
    due_ms: int | None
    ahead: int  #: called before it on the same number, the one in flight included
    history: tuple[Transition, ...]
    pause: Pause | None


def record(id_: str, fields: Mapping[str, str]) -> Record:
    """The record in a notification's hash (`store/keys.py`, FIELDS)."""
    return Record(
        id=id_,
        mobile=fields["mobile"],
        template_id=fields["template"],
        params=tuple(json.loads(fields["params"])),
        priority=int(fields.get("priority", 0)),
        state=State(fields["state"]),
        reason=fields["reason"],
        created_ms=int(fields["created"]),
        deadline_ms=_int(fields.get("deadline")),
        ended_ms=_int(fields.get("ended")),
        attempts=int(fields.get("attempts", 0)),
        unconfirmed=int(fields.get("unconfirmed", 0)),
        code=fields.get("code", ""),
        message=fields.get("message", ""),
        call_id=fields.get("call_id", ""),
        task_no=fields.get("task_no", ""),
    )


def pause(fields: Mapping[str, str]) -> Pause | None:
    """The pause in the account's hash; None where the account is open."""
    if not fields:
        return None
    return Pause(fields["reason"], fields["message"], int(fields["since"]), _int(fields.get("until")))


def call_times(text: str) -> tuple[int, ...]:
    """The call_times of a number's newest calls, oldest first."""
    return tuple(int(call_time) for call_time in text.split(",") if call_time)


def explanation(id_: str, reply: Sequence[Any], limits: Limits) -> Explanation:
    """The reply of the `explain` script, understood."""
    now, fields, log, joins, before, behind, joining, in_flight, calls, hold, free, limit, account = reply
    found, paused = record(id_, pairs(fields)), pause(pairs(account))
    reason, due, ahead = found.reason, None, 0
    if found.state is State.CALLING:
        due = int(pairs(fields)["lease"])
    elif found.state is State.WAITING:
        others = Others(before, behind, tuple((at, goes_before == 1) for at, goes_before in joining))
        probe = (paused.until_ms or 0) if paused else 0
        due, ahead = forecast(call_times(calls), others, max(now, hold, probe), joins, limits)
        if paused:
            reason, due = Reason.PAUSED, due if paused.until_ms else None
        elif joins > now:
            reason = Reason.BACKOFF if found.reason == Reason.BACKOFF else Reason.NOT_BEFORE
        elif in_flight:
            reason = Reason.IN_FLIGHT
        elif free > now:
            reason = Reason(limit)
        else:
            reason = Reason.GAP if ahead else Reason.NEW
        ahead += 1 if in_flight else 0
        if due and found.deadline_ms:
            due = min(due, found.deadline_ms)
    return Explanation(found, now, reason, due, ahead, _history(found, log), paused)


def _history(found: Record, log: Sequence[str]) -> tuple[Transition, ...]:
    # A submit is not logged: a million parked notifications would pay for what `created` says already.
    entries = [Transition(found.created_ms, State.WAITING, "submitted", "")]
    for line in log:
        at, state, reason, detail = line.split("\t", 3)
        entries.append(Transition(int(at), State(state), reason, detail))
    return tuple(entries)


def pairs(flat: Sequence[str]) -> dict[str, str]:
    """A hash in a script's reply: its fields and values one after the other."""
    return dict(zip(flat[::2], flat[1::2], strict=True))


def states(counts: Mapping[str, str]) -> dict[State, int]:
    """How many notifications are in each state, by the ledger's counts."""
    found = {state: int(counts.get(state, 0)) for state in State}
    return found | {State.WAITING: sum(waiting_by_reason(counts).values())}


def waiting_by_reason(counts: Mapping[str, str]) -> dict[str, int]:
    """How many wait, by the reason of their newest transition."""
    prefix = f"{State.WAITING}:"
    return {name.removeprefix(prefix): int(n) for name, n in counts.items() if name.startswith(prefix)}


def _int(text: str | None) -> int | None:
    return int(text) if text else None
