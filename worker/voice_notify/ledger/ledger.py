"""The ledger: the truth about every notification, in Redis. Each method is one script, or one round trip of several."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from voice_notify.domain.forecast import Limits, Others, forecast
from voice_notify.domain.notification import Notification, OnUnconfirmed
from voice_notify.domain.outcome import Outcome
from voice_notify.domain.retry import Attempt, Step
from voice_notify.domain.states import State
from voice_notify.errors import LineFull, UnknownNotification
from voice_notify.ledger import keys
from voice_notify.ledger.notifications import Explanation, Pause, Record, call_times, explanation, pause, record, states
from voice_notify.ledger.rules import LedgerRules
from voice_notify.ledger.scripts import Argument, Scripts, store_errors

#: For one text. Made once: `json.dumps` with options makes an encoder for each call, and so does a list.
_to_json = json.JSONEncoder(ensure_ascii=False).encode


class Submission(NamedTuple):
    """What the ledger made of a submitted notification."""

    id: str
    duplicate: bool  #: the id or the key was known: nothing new was stored
    wake: bool  #: the caller is to send its wake-up
    number_free_at_ms: int  #: its number is not called before
    ready_at_ms: int  #: its own time
    before: int  #: in its line, and called before it
    behind: int  #: in its line, and called before it only while it waits beside the line itself
    calls: str  #: call_times of the number's newest calls

    def eta_ms(self, limits: Limits) -> int:
        """The earliest moment at which the windows and the line ahead allow the call."""
        others = Others(self.before, self.behind)
        return forecast(call_times(self.calls), others, self.number_free_at_ms, self.ready_at_ms, limits)[0]


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

    ids: tuple[str, ...]  #: one per line that is due, to be woken
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


class Ledger:
    """The notifications of one account."""

    def __init__(self, scripts: Scripts) -> None:
        self.scripts = scripts

    @property
    def options(self) -> LedgerRules:
        """What its scripts enforce."""
        return self.scripts.options

    # What applications do.

    def submit(self, notification: Notification, *, wakeup: str = "", most_wakeups: int = 0) -> Submission:
        """Store one notification. Given the id of a `wakeup`, the submission may ask to send it."""
        (reply,) = self.scripts.run("submit", (wakeup, most_wakeups, *_submitted(notification)))
        submission = self._submission(reply)
        if isinstance(submission, LineFull):
            raise submission
        return submission

    def submit_many(self, notifications: Sequence[Notification]) -> list[Submission | LineFull]:
        """Store many in one round trip; that a line is full is that notification's result."""
        replies = self.scripts.run_each("submit", [_submitted(each) for each in notifications], ("", 0))
        return [self._submission(reply) for reply in replies]

    def cancel(self, id_: str) -> State:
        """Withdraw a notification; the state it was in. One in flight is not called back, only not called again."""
        state = self.scripts.run("cancel", [id_])
        if state is None:
            raise UnknownNotification(id_)
        return State(state)

    def record(self, id_: str) -> Record:
        """The notification as it stands."""
        with store_errors:
            fields: Any = self.scripts.client.hgetall(self.scripts.prefix + keys.NOTIFICATION + id_)
        if not fields:
            raise UnknownNotification(id_)
        return record(id_, fields)

    def explain(self, id_: str) -> Explanation:
        """All that is known of a notification, at one moment."""
        reply = self.scripts.run("explain", [id_])
        if reply is None:
            raise UnknownNotification(id_)
        return explanation(id_, reply, self.options.limits)

    # What workers do.

    def claim(self, *, lines: tuple[int, int], wakeup: str, wakeups_per_worker: int, worker: str) -> Claim:
        """Lease due lines for a wake-up, `lines` (fewest, most) of them, and lapsed calls for their settlement."""
        ids, lapsed, idle = self.scripts.run("claim", (*lines, wakeup, wakeups_per_worker, worker))
        calls = (Lapsed(id_, token, _attempt(*counts), now) for id_, token, *counts, now in lapsed)
        return Claim(tuple(ids), tuple(calls), idle if idle >= 0 else None)

    def give_back(self, ids: Sequence[str]) -> None:
        """End the lease of claimed lines that were not begun: they are due again."""
        self.scripts.run("give_back", ids)

    def begin(self, attempts: Sequence[tuple[str, str]]) -> list[Grant | None]:
        """Ask leave for the next call in the line of each (id, attempt token); None where a limit denies it."""
        replies = self.scripts.run_each("begin", attempts)
        return [_grant(token, reply) for (_, token), reply in zip(attempts, replies, strict=True)]

    def settle(self, settlements: Sequence[Settlement]) -> list[str]:
        """End attempts; for each the state after it, or `late`, `repeated`, `gone` (see the script)."""
        return self.scripts.run_each("settle", [_ended(each) for each in settlements])

    def expire(self, most: int = 1000) -> list[str]:
        """End waiting notifications whose deadline has passed; their ids."""
        ids: list[str] = self.scripts.run("expire", [most])
        return ids

    def forget_wakeup(self, wakeup: str) -> None:
        """A wake-up was answered: another may be sent."""
        with store_errors:
            self.scripts.client.zrem(self.scripts.prefix + keys.WAKEUPS, wakeup)

    # What operators do.

    def account(self) -> Pause | None:
        """The account's pause, or None while calls go out."""
        with store_errors:
            fields: Any = self.scripts.client.hgetall(self.scripts.prefix + keys.ACCOUNT)
        return pause(fields)

    def pause(self, why: str) -> bool:
        """Pause the account until a person resumes it; whether that changed anything."""
        return bool(self.scripts.run("account", ("pause", why)))

    def resume(self) -> bool:
        """Let calls out again; whether that changed anything."""
        return bool(self.scripts.run("account", ("resume", "")))

    def counts(self) -> dict[State, int]:
        """How many notifications are in each state; `accepted`, `expired` and `cancelled` are totals since ever."""
        with store_errors:
            found: Any = self.scripts.client.hgetall(self.scripts.prefix + keys.COUNTS)
        return states(found)

    def workers(self) -> list[str]:
        """Names of the workers heard of lately."""
        with store_errors:
            alive: Any = self.scripts.client.zrangebyscore(
                self.scripts.prefix + keys.HEARTBEATS, self.scripts.now_ms(), "+inf"
            )
        return list(alive)

    def _submission(self, reply: Sequence[Any]) -> Submission | LineFull:
        status, id_, opens, joins, before, behind, calls, wake = reply
        if status == "full":
            return LineFull(f"the line of this number holds {self.options.max_line} open notifications (max_line)")
        return Submission(id_, status == "duplicate", wake == 1, opens, joins, before, behind, calls)


def _submitted(each: Notification) -> Sequence[Argument]:
    return (
        each.id,
        each.mobile,
        each.template_id,
        f"[{','.join(map(_to_json, each.params))}]",
        each.priority,
        round(each.countdown * 1000),
        "" if each.expires is None else max(1, round(each.expires * 1000)),
        each.on_unconfirmed or "",
        each.key or "",
        each.units,
    )


def _ended(each: Settlement) -> Sequence[Argument]:
    outcome, step = each.outcome, each.step
    return (
        each.id,
        each.token,
        outcome.kind,
        outcome.code,
        outcome.message,
        outcome.call_id,
        outcome.task_no,
        "" if each.took_ms is None else each.took_ms,
        step.state,
        step.reason,
        step.due_ms,
        step.window,
        step.hold_until_ms,
        step.verdict,
        step.pause_until_ms,
    )


def _attempt(attempts: str, unconfirmed: str, policy: str) -> Attempt:
    return Attempt(int(attempts), int(unconfirmed), OnUnconfirmed(policy) if policy else None)


def _grant(token: str, reply: Sequence[Any]) -> Grant | None:
    if reply[0] != "granted":
        return None
    _, id_, mobile, template, params, attempts, unconfirmed, policy, now, within = reply
    return Grant(
        id_, token, mobile, template, tuple(json.loads(params)), _attempt(attempts, unconfirmed, policy), now, within
    )
