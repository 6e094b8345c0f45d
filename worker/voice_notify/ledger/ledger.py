"""The ledger: the truth about every notification, in Redis. Each method is one script, or one round trip of several."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from voice_notify.domain.masking import mask_mobile, mask_text
from voice_notify.domain.notification import Notification, OnUnconfirmed
from voice_notify.domain.outcome import Outcome
from voice_notify.domain.retry import Attempt, Step
from voice_notify.domain.states import State
from voice_notify.errors import KeyConflict, LedgerDamaged, LineFull, UnknownNotification
from voice_notify.ledger import contracts, keys
from voice_notify.ledger.breaker import Pause, Pauses, parse_pause
from voice_notify.ledger.contracts import DroppedLetter, Submission
from voice_notify.ledger.declaration import Nothing
from voice_notify.ledger.explanation import Explanation, explain
from voice_notify.ledger.notifications import Record, count_by_state, parse_record
from voice_notify.ledger.redis_errors import store_errors
from voice_notify.ledger.results import SettleResult, SubmitStatus
from voice_notify.ledger.rules import LedgerRules
from voice_notify.ledger.scripts import Scripts, require

#: For one text. Made once: `json.dumps` with options makes an encoder for each call, and so does a list.
_to_json = json.JSONEncoder(ensure_ascii=False).encode

_POLICIES = frozenset(OnUnconfirmed)


class Wakeup(StrEnum):
    """For what a sleeping process is woken."""

    URGENT = "urgent"  #: something of `urgent_priority` or above
    ORDINARY = "ordinary"


_WAKE_KEYS = {Wakeup.URGENT: keys.WAKE_URGENT, Wakeup.ORDINARY: keys.WAKE}


#: Why one of many was not stored.
SubmitError = LineFull | KeyConflict | LedgerDamaged


@dataclass(frozen=True, slots=True)
class Grant:
    """Leave to place one call, now."""

    id: str
    token: str
    mobile: str
    template_id: str
    params: tuple[str, ...]
    attempt: Attempt
    now_ms: int  #: the ledger's clock at the grant
    clock_ahead_ms: int  #: how far that is ahead of the Redis server's, which went back
    send_within_ms: int  #: the request has to be on the wire within that time


@dataclass(frozen=True, slots=True)
class Lapsed:
    """A call whose lease ran out: its worker died, or lost touch with Redis."""

    id: str
    token: str
    attempt: Attempt
    now_ms: int


@dataclass(frozen=True, slots=True)
class Granted:
    """What a process may begin now, the first of them first."""

    grants: tuple[Grant, ...]
    expired: tuple[str, ...]  #: ids whose deadline had passed when their turn came
    damaged: tuple[LedgerDamaged, ...]  #: numbers whose line or record could not be read: put off
    idle_ms: int | None  #: until there may be more for this process, 0: now; None: it is woken
    server_now_ms: int = 0  #: the Redis server's clock


@dataclass(frozen=True, slots=True)
class Sweep:
    """What became due without anybody's call."""

    lapsed: tuple[Lapsed, ...]
    expired: tuple[str, ...]
    dropped: tuple[DroppedLetter, ...]
    more: bool  #: another sweep finds more now
    pause: Pause | None = None  #: of the account
    server_now_ms: int = 0  #: the Redis server's clock


@dataclass(frozen=True, slots=True)
class Settlement:
    """The end of one attempt."""

    id: str
    token: str
    outcome: Outcome
    step: Step
    took_ms: int | None = None  #: from the request to the reply or its timeout; None: there was no request to wait for
    lapsed: bool = False  #: its lease ran out, and the outcome is not a reply's


class Ledger:
    """The notifications of one account."""

    def __init__(self, scripts: Scripts) -> None:
        self.scripts = scripts

    @property
    def rules(self) -> LedgerRules:
        """What its scripts enforce."""
        return self.scripts.rules

    # What applications do.

    def submit(self, notification: Notification) -> Submission:
        """Store one notification, and wake a process for it."""
        (reply,) = self.scripts.run_each(contracts.SUBMIT, Nothing(), [_submitted(notification)])
        submission = self._submission(require(reply))
        if isinstance(submission, Submission):
            return submission
        raise submission

    def submit_many(self, notifications: Sequence[Notification]) -> list[Submission | SubmitError]:
        """Store many in one round trip; that one is refused, or its number's line damaged, is its own result."""
        replies = self.scripts.run_each(contracts.SUBMIT, Nothing(), [_submitted(each) for each in notifications])
        return [reply if isinstance(reply, LedgerDamaged) else self._submission(reply) for reply in replies]

    def cancel(self, id_: str) -> State:
        """Withdraw a notification. Returns the state it was in.

        One in flight is not called back, only not called again.
        """
        state = self.scripts.run(contracts.CANCEL, contracts.OneId(id_)).state
        if state is None:
            raise UnknownNotification(id_)
        return state

    def record(self, id_: str) -> Record:
        """The notification as it stands."""
        with store_errors:
            fields: Any = self.scripts.client.hgetall(self.scripts.prefix + keys.NOTIFICATION + id_)
        if not fields:
            raise UnknownNotification(id_)
        return parse_record(id_, fields)

    def explain(self, id_: str) -> Explanation:
        """All that is known of a notification, at one moment."""
        reply = self.scripts.run(contracts.EXPLAIN, contracts.OneId(id_))
        if reply.record is None:
            raise UnknownNotification(id_)
        return explain(id_, reply, self.rules)

    # What workers do.

    def grant(self, most: int, *, ordinary: int, process: str, request: int) -> Granted:
        """Ask leave for the calls that are next: `most`, of these `ordinary` below `urgent_priority`.

        A `process` that asks again with the number of its last `request`, whose reply it did not get, is granted the
        same calls.
        """
        reply = self.scripts.run(contracts.GRANT, contracts.GrantCall(most, ordinary, request, process))
        why = mask_text(reply.why)
        damaged = [LedgerDamaged(f"the line of {mask_mobile(mobile)}: {why}") for mobile in reply.damaged]
        grants = []
        for call in reply.grants:
            try:
                grants.append(_grant(call, reply))
            except (ValueError, TypeError) as error:  # its lease runs out
                damaged.append(LedgerDamaged(f"the variables of {call.id} cannot be read: {error}"))
        return Granted(tuple(grants), reply.expired, tuple(damaged), reply.idle, reply.now - reply.ahead)

    def wait_for_wakeup(self, kinds: Sequence[Wakeup], seconds: float) -> Wakeup | None:
        """Sleep until woken for one of these; None: not within `seconds`, or half of the socket's timeout."""
        names = {self.scripts.prefix + _WAKE_KEYS[kind]: kind for kind in kinds}
        patience = self.scripts.client.get_connection_kwargs().get("socket_timeout")
        with store_errors:
            woken: Any = self.scripts.client.blpop(
                list(names), timeout=min(seconds, patience / 2) if patience else seconds
            )
        return names[woken[0]] if woken else None

    def wake(self, kind: Wakeup) -> None:
        """Wake a process that sleeps, or the next that would."""
        with store_errors:
            self.scripts.client.lpush(self.scripts.prefix + _WAKE_KEYS[kind], "1")

    def sweep(self, worker: str, *, most: int = 100) -> Sweep:
        """Say that `worker` is alive; hand over calls whose lease ran out, and end what is past its deadline.

        Dead letters that nobody has moved on for `dead_retention` are deleted.
        """
        reply = self.scripts.run(contracts.SWEEP, contracts.SweepCall(most, worker))
        lapsed = (Lapsed(call.id, call.token, _attempt(call), reply.now) for call in reply.lapsed)
        pause = Pauses.parse(reply.pause, reply.budget_pause).first
        return Sweep(tuple(lapsed), reply.expired, reply.dropped, reply.more, pause, reply.now - reply.ahead)

    def settle(self, settlements: Sequence[Settlement]) -> list[SettleResult | LedgerDamaged]:
        """End attempts; for each the state after it, why it did not decide, or `LedgerDamaged`."""
        replies = self.scripts.run_each(contracts.SETTLE, Nothing(), [_ended(each) for each in settlements])
        return [reply if isinstance(reply, LedgerDamaged) else reply.result for reply in replies]

    # What operators do.

    def account(self) -> Pause | None:
        """The account's pause, the breaker's before that of a spent budget, or None while calls go out."""
        with store_errors, self.scripts.client.pipeline(transaction=False) as pipe:
            pipe.hgetall(self.scripts.prefix + keys.ACCOUNT)
            pipe.hgetall(self.scripts.prefix + keys.BUDGET_PAUSE)
            of_breaker, of_budget = pipe.execute()
        return parse_pause(of_breaker) or parse_pause(of_budget)

    def pause(self, why: str) -> bool:
        """Pause the account until a person resumes it. Returns whether that changed anything."""
        return self.scripts.run(contracts.PAUSE, contracts.PauseCall(why)).changed

    def resume(self) -> bool:
        """Let calls out again. Returns whether that changed anything."""
        return self.scripts.run(contracts.RESUME, Nothing()).changed

    def counts(self) -> dict[State, int]:
        """How many notifications are in each state; `accepted`, `expired` and `cancelled` are all-time totals."""
        with store_errors:
            found: Any = self.scripts.client.hgetall(self.scripts.prefix + keys.COUNTS)
        return count_by_state(found)

    def workers(self) -> list[str]:
        """Names of the workers heard of lately."""
        with store_errors:
            alive: Any = self.scripts.client.zrangebyscore(
                self.scripts.prefix + keys.HEARTBEATS, self.scripts.now_ms(), "+inf"
            )
        return list(alive)

    def _submission(self, submission: Submission) -> Submission | SubmitError:
        if submission.status is SubmitStatus.CONFLICT:
            return KeyConflict("its key or task_id is known with another number, template or variables")
        if submission.status is SubmitStatus.FULL:
            return LineFull(f"the line of this number holds {self.rules.max_line} open notifications (max_line)")
        return submission


def _submitted(each: Notification) -> contracts.SubmitItem:
    return contracts.SubmitItem(
        each.priority or None,
        round(each.countdown * 1000) or None,
        None if each.expires is None else max(1, round(each.expires * 1000)),
        each.units if each.units > 1 else None,
        each.id,
        each.mobile,
        each.template_id,
        f"[{','.join(map(_to_json, each.params))}]",
        each.on_unconfirmed or "",
        each.key or "",
    )


def _ended(each: Settlement) -> contracts.SettleItem:
    outcome, step = each.outcome, each.step
    return contracts.SettleItem(
        id=each.id,
        token=each.token,
        lapsed=int(each.lapsed),
        kind=outcome.kind,
        code=outcome.code,
        message=outcome.message,
        call_id=outcome.call_id,
        task_no=outcome.task_no,
        took=each.took_ms,
        state=step.state,
        reason=step.reason,
        ready_at=step.ready_at_ms,
        window=step.window,
        hold_until=step.hold_until_ms,
        verdict=step.verdict,
        pause_until=step.pause_until_ms,
    )


def _attempt(of: contracts.LapsedCall | contracts.GrantedCall) -> Attempt:
    # A policy that this version does not know, as another may have written it, leaves the choice to the settings.
    return Attempt(of.attempts, of.unconfirmed, OnUnconfirmed(of.policy) if of.policy in _POLICIES else None)


def _grant(of: contracts.GrantedCall, reply: contracts.GrantReply) -> Grant:
    params = tuple(json.loads(of.params))
    return Grant(of.id, of.token, of.mobile, of.template, params, _attempt(of), reply.now, reply.ahead, of.within)
