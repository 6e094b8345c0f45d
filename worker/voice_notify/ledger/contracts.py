"""Every script of the ledger: what it is given and what it answers. What each field means stands above its Lua text."""

from __future__ import annotations

from typing import NamedTuple

from voice_notify.domain.outcome import Kind
from voice_notify.domain.retry import Verdict, Window
from voice_notify.domain.states import State
from voice_notify.ledger.declaration import BatchScript, Nothing, Script
from voice_notify.ledger.results import ReplayStatus, SettleResult, SubmitStatus


class OneId(NamedTuple):
    """The notification that is meant."""

    id: str


class Changed(NamedTuple):
    """Whether a script changed anything."""

    changed: bool


class Done(NamedTuple):
    """Whether a script did what it was asked to do."""

    done: bool


# What applications do.


class SubmitItem(NamedTuple):
    # Most have none of these: to read a number costs a script as much as a short command.
    priority: int | None
    countdown: int | None
    expires: int | None
    units: int | None
    id: str
    mobile: str
    template: str
    params: str
    policy: str
    key: str


class Submission(NamedTuple):
    """What the ledger made of a submitted notification."""

    status: SubmitStatus
    id: str
    state: State | None  #: of the notification, which may have ended if its id or its key was known

    @property
    def duplicate(self) -> bool:
        """Whether the id or the key was known: nothing new was stored."""
        return self.status is SubmitStatus.DUPLICATE


SUBMIT = BatchScript("submit", Nothing, SubmitItem, Submission)


class CancelReply(NamedTuple):
    state: State | None


CANCEL = Script("cancel", OneId, CancelReply)


class ExplainReply(NamedTuple):
    now: int
    record: dict[str, str] | None
    log: tuple[str, ...]
    ready_at: int
    before: int
    behind: int
    scheduled: tuple[tuple[int, ...], ...]
    in_flight: str
    call_times: str
    hold: int
    number_free_at: int
    limit: str
    pause: dict[str, str]
    budget_pause: dict[str, str]
    due_before: int | None
    calling: int
    rate_free_at: int
    ms_per_call: float


EXPLAIN = Script("explain", OneId, ExplainReply)


# What workers do.


class GrantCall(NamedTuple):
    most: int
    ordinary: int
    request: int
    process: str


class GrantedCall(NamedTuple):
    id: str
    token: str
    mobile: str
    template: str
    params: str
    attempts: int
    unconfirmed: int
    policy: str
    within: int


class GrantReply(NamedTuple):
    now: int
    ahead: int
    grants: tuple[GrantedCall, ...]
    expired: tuple[str, ...]
    damaged: tuple[str, ...]
    why: str
    idle: int | None


GRANT = Script("grant", GrantCall, GrantReply)


class SweepCall(NamedTuple):
    most: int
    worker: str


class LapsedCall(NamedTuple):
    id: str
    token: str
    attempts: int
    unconfirmed: int
    policy: str


class DroppedLetter(NamedTuple):
    """A dead letter that was deleted because `dead_retention` was over."""

    id: str
    template: str
    code: str
    reason: str
    ended: int


class SweepReply(NamedTuple):
    now: int
    ahead: int
    lapsed: tuple[LapsedCall, ...]
    expired: tuple[str, ...]
    dropped: tuple[DroppedLetter, ...]
    more: bool
    pause: dict[str, str]
    budget_pause: dict[str, str]


SWEEP = Script("sweep", SweepCall, SweepReply)


class SettleItem(NamedTuple):
    lapsed: int
    took: int | None
    ready_at: int
    hold_until: int
    pause_until: int
    id: str
    token: str
    kind: Kind
    code: str
    message: str
    call_id: str
    task_no: str
    state: State
    reason: str
    window: Window
    verdict: Verdict


class SettleReply(NamedTuple):
    result: SettleResult


SETTLE = BatchScript("settle", Nothing, SettleItem, SettleReply)


# What operators do.


class PauseCall(NamedTuple):
    why: str


PAUSE = Script("pause", PauseCall, Changed)
RESUME = Script("resume", Nothing, Changed)


class AccountStatusReply(NamedTuple):
    now: int
    pause: dict[str, str]
    budget_pause: dict[str, str]
    counts: dict[str, str]
    due: int
    run: int
    run_code: str
    workers: tuple[str, ...]
    spent: int


ACCOUNT_STATUS = Script("account_status", Nothing, AccountStatusReply)


class NumberCall(NamedTuple):
    most: int
    mobile: str


class InLineReply(NamedTuple):
    id: str
    in_flight: bool
    ready_at: int
    record: dict[str, str]


class NumberReply(NamedTuple):
    now: int
    call_times: str
    hold: int
    number_free_at: int
    limit: str
    open: int
    first: tuple[InLineReply, ...]
    pause: dict[str, str]
    budget_pause: dict[str, str]
    due_before: int | None
    rate_free_at: int
    ms_per_call: float


NUMBER = Script("number", NumberCall, NumberReply)


class ReplayCall(NamedTuple):
    expires: int
    include_called: int


class ReplayReply(NamedTuple):
    status: ReplayStatus


REPLAY = BatchScript("replay", ReplayCall, OneId, ReplayReply)
PURGE = BatchScript("purge", Nothing, OneId, Done)
