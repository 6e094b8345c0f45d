"""One notification as it stands in the ledger, and how many there are in each state."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from voice_notify.domain.states import State


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


def parse_record(id_: str, fields: Mapping[str, str]) -> Record:
    """The record in a notification's hash (`keys.FIELDS`)."""
    return Record(
        id=id_,
        mobile=fields["mobile"],
        template_id=fields["template"],
        params=tuple(json.loads(fields["params"])),
        priority=int(fields.get("priority", 0)),
        state=State(fields["state"]),
        reason=fields["reason"],
        created_ms=int(fields["created"]),
        deadline_ms=_parse_int(fields.get("deadline")),
        ended_ms=_parse_int(fields.get("ended")),
        attempts=int(fields.get("attempts", 0)),
        unconfirmed=int(fields.get("unconfirmed", 0)),
        code=fields.get("code", ""),
        message=fields.get("message", ""),
        call_id=fields.get("call_id", ""),
        task_no=fields.get("task_no", ""),
    )


def count_by_state(counts: Mapping[str, str]) -> dict[State, int]:
    """How many notifications are in each state, by the ledger's counts."""
    found = {state: int(counts.get(state, 0)) for state in State}
    return found | {State.WAITING: sum(count_waiting_by_reason(counts).values())}


def count_waiting_by_reason(counts: Mapping[str, str]) -> dict[str, int]:
    """How many wait, by the reason of their newest transition."""
    prefix = f"{State.WAITING}:"
    return {name.removeprefix(prefix): int(n) for name, n in counts.items() if name.startswith(prefix)}


def _parse_int(text: str | None) -> int | None:
    return int(text) if text else None
