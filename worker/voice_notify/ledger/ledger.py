"""The ledger: the truth about every notification, in Redis. Each method is one script, or one round trip of several."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from voice_notify.domain.notification import Notification, OnUnconfirmed
from voice_notify.domain.outcome import Outcome
from voice_notify.domain.retry import Attempt, Step
from voice_notify.domain.states import State
from voice_notify.errors import KeyConflict, LedgerDamaged, LineFull, UnknownNotification
from voice_notify.ledger import contracts, keys
from voice_notify.ledger.breaker import Pause, parse_pause
from voice_notify.ledger.contracts import Submission
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
    now_ms: int  #: Redis's clock at the grant
    send_within_ms: int  #: the request has to be on the wire within that time


@dataclass(frozen=True, slots=True)
class Lapsed:
    """A call whose lease ran out: its worker died, or lost touch with Redis."""

    id: str
    token: str
    attempt: Attempt
    now_ms: int


@dataclass(frozen=True, slots=True)
class Claim:
    """What a dispatcher has to do."""

    ids: tuple[str, ...]  #: one for each line that is due, to wake a worker for
    lapsed: tuple[Lapsed, ...]
    idle_ms: int | None  #: until something is due; None: not known


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

    def submit(self, notification: Notification, *, wakeup: str = "", most_wakeups: int = 0) -> Submission:
        """Store one notification. Given the id of a `wakeup`, the submission may ask to send it."""
        call = contracts.SubmitCall(most_wakeups, wakeup)
        (reply,) = self.scripts.run_each(contracts.SUBMIT, call, [_submitted(notification)])
        submission = self._submission(require(reply))
        if isinstance(submission, Submission):
            return submission
        raise submission

    def submit_many(self, notifications: Sequence[Notification]) -> list[Submission | SubmitError]:
        """Store many in one round trip; that one is refused, or its number's line damaged, is its own result."""
        call = contracts.SubmitCall(0, "")
        replies = self.scripts.run_each(contracts.SUBMIT, call, [_submitted(each) for each in notifications])
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
        return explain(id_, reply, self.rules.limits)

    # What workers do.

    def claim(self, *, lines: tuple[int, int], wakeup: str, wakeups_per_worker: int, worker: str) -> Claim:
        """Lease due lines for a wake-up, `lines` (fewest, most) of them, and lapsed calls for their settlement."""
        reply = self.scripts.run(contracts.CLAIM, contracts.ClaimCall(*lines, wakeups_per_worker, wakeup, worker))
        lapsed = (Lapsed(call.id, call.token, _attempt(call), reply.now) for call in reply.lapsed)
        return Claim(reply.ids, tuple(lapsed), reply.idle)

    def give_back(self, ids: Sequence[str]) -> None:
        """End the lease of claimed lines that were not begun: they are due again."""
        self.scripts.run_each(contracts.GIVE_BACK, Nothing(), [contracts.OneId(id_) for id_ in ids])

    def grant(self, attempts: Sequence[tuple[str, str]]) -> list[Grant | LedgerDamaged | None]:
        """Ask leave for the next call in the line of each (id, attempt token).

        None where a limit defers it, `LedgerDamaged` where the line is damaged: the others are called.
        """
        items = [contracts.GrantItem(*each) for each in attempts]
        replies = self.scripts.run_each(contracts.GRANT, Nothing(), items)
        return [_grant(token, reply) for (_, token), reply in zip(attempts, replies, strict=True)]

    def settle(self, settlements: Sequence[Settlement]) -> list[SettleResult | LedgerDamaged]:
        """End attempts; for each the state after it, why it did not decide, or `LedgerDamaged`."""
        replies = self.scripts.run_each(contracts.SETTLE, Nothing(), [_ended(each) for each in settlements])
        return [reply if isinstance(reply, LedgerDamaged) else reply.result for reply in replies]

    def expire(self, most: int = 1000) -> list[str]:
        """End waiting notifications whose deadline has passed. Returns their ids."""
        return list(self.scripts.run(contracts.EXPIRE, contracts.ExpireCall(most)).ids)

    def forget_wakeup(self, wakeup: str) -> None:
        """A wake-up was answered: another may be sent."""
        with store_errors:
            self.scripts.client.zrem(self.scripts.prefix + keys.WAKEUPS, wakeup)

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
        each.priority,
        round(each.countdown * 1000),
        None if each.expires is None else max(1, round(each.expires * 1000)),
        each.units,
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


def _attempt(of: contracts.LapsedCall | contracts.GrantReply) -> Attempt:
    # A policy that this version does not know, as another may have written it, leaves the choice to the settings.
    return Attempt(of.attempts, of.unconfirmed, OnUnconfirmed(of.policy) if of.policy in _POLICIES else None)


def _grant(token: str, of: contracts.GrantReply | LedgerDamaged) -> Grant | LedgerDamaged | None:
    if isinstance(of, LedgerDamaged):
        return of
    if not of.granted:
        return None
    try:
        params = tuple(json.loads(of.params))
    except (ValueError, TypeError) as error:
        return LedgerDamaged(f"the variables of {of.id} cannot be read: {error}")
    return Grant(of.id, token, of.mobile, of.template, params, _attempt(of), of.now, of.within)
