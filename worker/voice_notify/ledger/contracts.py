"""Every script of the ledger: what it is given and what it answers. What each field means stands above its Lua text."""

from __future__ import annotations

from typing import NamedTuple

from voice_notify.domain.forecast import Others, forecast
from voice_notify.domain.outcome import Kind
from voice_notify.domain.retry import Verdict, Window
from voice_notify.domain.states import State
from voice_notify.domain.windows import Limits, parse_call_times
from voice_notify.ledger.declaration import BatchScript, Nothing, Script
from voice_notify.ledger.results import SettleResult, SubmitStatus


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


class SubmitCall(NamedTuple):
    most_wakeups: int
    wakeup: str


class SubmitItem(NamedTuple):
    priority: int
    countdown: int
    expires: int | None
    units: int
    id: str
    mobile: str
    template: str
    params: str
    policy: str
    key: str


class Submission(NamedTuple):
    """What the ledger made of a submitted notification; times in milliseconds of its clock."""

    status: SubmitStatus
    id: str
    state: State | None  #: of the notification, which may have ended if its id or its key was known
    number_free_at: int  #: its number is not called before
    ready_at: int  #: its own time
    before: int  #: in its line, and called before it
    behind: int  #: in its line, and called before it only while it is scheduled
    call_times: str  #: of the number's newest calls
    wake: bool  #: the caller is to send its wake-up

    @property
    def duplicate(self) -> bool:
        """Whether the id or the key was known: nothing new was stored."""
        return self.status is SubmitStatus.DUPLICATE

    def eta_ms(self, limits: Limits) -> int:
        """The earliest moment at which the windows and the line ahead allow the call."""
        others = Others(self.before, self.behind)
        calls = parse_call_times(self.call_times)
        return forecast(calls, others, self.number_free_at, self.ready_at, limits)[0]


SUBMIT = BatchScript("submit", SubmitCall, SubmitItem, Submission)


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


EXPLAIN = Script("explain", OneId, ExplainReply)


# What workers do.


class ClaimCall(NamedTuple):
    fewest: int
    most: int
    wakeups_per_worker: int
    wakeup: str
    worker: str


class LapsedCall(NamedTuple):
    id: str
    token: str
    attempts: int
    unconfirmed: int
    policy: str


class ClaimReply(NamedTuple):
    ids: tuple[str, ...]
    lapsed: tuple[LapsedCall, ...]
    now: int
    idle: int | None


CLAIM = Script("claim", ClaimCall, ClaimReply)


GIVE_BACK = BatchScript("give_back", Nothing, OneId, Nothing)


class GrantItem(NamedTuple):
    id: str
    token: str


class GrantReply(NamedTuple):
    granted: bool
    id: str
    mobile: str
    template: str
    params: str
    attempts: int
    unconfirmed: int
    policy: str
    now: int
    within: int


GRANT = BatchScript("grant", Nothing, GrantItem, GrantReply)


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


class ExpireCall(NamedTuple):
    most: int


class ExpireReply(NamedTuple):
    ids: tuple[str, ...]


EXPIRE = Script("expire", ExpireCall, ExpireReply)


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
    score: float
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


NUMBER = Script("number", NumberCall, NumberReply)


class ReplayCall(NamedTuple):
    expires: int
    include_called: int


REPLAY = BatchScript("replay", ReplayCall, OneId, Done)
PURGE = BatchScript("purge", Nothing, OneId, Done)
