"""One account under test: its ledger on virtual time, and short words for what applications, workers and people do."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import Any

import redis

from tests.support.clock import CLOCK_LUA, DAY, MINUTE, SECOND, Clock
from voice_notify.domain.notification import Notification, OnUnconfirmed, build_notification, new_id
from voice_notify.domain.outcome import Kind, Outcome
from voice_notify.domain.retry import RetryPolicy, decide
from voice_notify.domain.states import State
from voice_notify.domain.windows import Limits
from voice_notify.errors import LedgerDamaged
from voice_notify.ledger import keys
from voice_notify.ledger.bands import time_of
from voice_notify.ledger.contracts import Submission
from voice_notify.ledger.dead_letters import DeadLetters
from voice_notify.ledger.explanation import Explanation
from voice_notify.ledger.ledger import Grant, Granted, Lapsed, Ledger, Settlement, Sweep, Wakeup
from voice_notify.ledger.results import SettleResult
from voice_notify.ledger.rules import LedgerRules
from voice_notify.ledger.scripts import Scripts

MOBILE = "13800138000"

#: PROVIDER.md, Rules of use, with a guard of half a second.
LIMITS = Limits(gap_ms=30_500, max_calls=5, window_ms=DAY + 500)
GAP = LIMITS.gap_ms
RETENTION = 7 * DAY
LEASE = 18 * SECOND
SEND_WITHIN = 6 * SECOND
URGENT = 7
COOLDOWN = MINUTE
COOLDOWN_MAX = 15 * MINUTE

POLICY = RetryPolicy(
    max_attempts=3, backoff_base=2, backoff_max=300, on_unconfirmed=OnUnconfirmed.RESEND, max_unconfirmed=2
)
#: The backoff after the first refusal, with `chance` at its middle.
BACKOFF = 1500

ACCEPTED = Outcome(Kind.ACCEPTED, "200", "成功", call_id="1212", task_no="6956")
MAINTENANCE = Outcome(Kind.TRANSIENT, "500", "系统维护,请稍候再试")
TOMORROW = Outcome(Kind.TOMORROW, "606", "调用超限,请明天再试")
REFUSED = Outcome(Kind.REFUSED, "400", "手机号格式不正确")
UNCLEAR = Outcome(Kind.UNCLEAR, "999", "其他")
NO_BALANCE = Outcome(Kind.ACCOUNT, "603", "余额不足请充值")
UNCONFIRMED = Outcome(Kind.UNCONFIRMED, "read-timeout", "no reply in time")
LAPSED = Outcome(Kind.UNCONFIRMED, "lease", "the worker was lost during the call")


def other_number(number: int) -> str:
    """A mobile number for each `number`, none of them `MOBILE`."""
    return f"139{number:08d}"


class Account:
    """The account `app_id` on `client`."""

    def __init__(self, client: redis.Redis, app_id: str = "test") -> None:
        prefix = keys.prefix(app_id)
        rules = LedgerRules(
            limits=LIMITS,
            retention_ms=RETENTION,
            dead_retention_ms=0,
            max_line=20,
            default_expires_ms=7 * DAY,
            lease_ms=LEASE,
            send_within_ms=SEND_WITHIN,
            call_interval_ms=0,
            daily_budget=0,
            suspect_run=3,
            cooldown_ms=COOLDOWN,
            cooldown_max_ms=COOLDOWN_MAX,
            urgent_priority=URGENT,
            worker_ttl_ms=15 * SECOND,
        )
        self.client = client
        self.prefix = prefix
        self.clock = Clock(client, prefix)
        self.ledger = Ledger(Scripts(client, prefix, rules, clock=CLOCK_LUA))
        self._requests = count(1)

    def configure(self, **rules: Any) -> None:  # noqa: ANN401 - the fields of LedgerRules
        """Change some of the ledger's rules."""
        self.ledger.scripts = replace(self.ledger.scripts, rules=replace(self.ledger.rules, **rules))

    @property
    def dead_letters(self) -> DeadLetters:
        """Its dead letters."""
        return DeadLetters(self.ledger.scripts)

    # What applications do.

    def submission(
        self,
        mobile: str = MOBILE,
        **fields: Any,  # noqa: ANN401 - of a Notification
    ) -> Submission:
        """Submit a notification; its times are in seconds, as the API has them."""
        return self.ledger.submit(self.notification(mobile, **fields))

    def notification(self, mobile: str = MOBILE, **fields: Any) -> Notification:  # noqa: ANN401
        """A notification that can be submitted."""
        params = fields.pop("params", ("张三", "3号楼"))
        return build_notification(mobile, "453662", params, templates={}, **{"id": new_id(), **fields})

    def submit(self, mobile: str = MOBILE, **fields: Any) -> str:  # noqa: ANN401
        """Submit a notification; its id."""
        return self.submission(mobile, **fields).id

    # What workers do.

    def sweep(self, *, most: int = 100, worker: str = "w1") -> Sweep:
        """Sweep once."""
        return self.ledger.sweep(worker, most=most)

    def expire(self, most: int = 100) -> list[str]:
        """Sweep once; the ids of those whose deadline had passed."""
        return list(self.sweep(most=most).expired)

    def grant(
        self, most: int = 16, *, ordinary: int | None = None, process: str = "p1", request: int | None = None
    ) -> Granted:
        """Ask leave for the next calls, as a process does."""
        room = most if ordinary is None else ordinary
        return self.ledger.grant(most, ordinary=room, process=process, request=request or next(self._requests))

    def begin_next(self, most: int = 16) -> list[str]:
        """Begin the next calls; their ids, in order."""
        return [grant.id for grant in self.grant(most).grants]

    def begin(self, id_: str) -> Grant | None:
        """Ask leave for the next call in the line of `id_`, as if no other number were due."""
        mobile = self.client.hget(self.prefix + keys.NOTIFICATION + id_, "mobile")
        others = {}
        for key in (self.prefix + keys.AGENDA, self.prefix + keys.PROMOTIONS):
            entries: Any = self.client.zrange(key, 0, -1, withscores=True)
            others[key] = {number: score for number, score in entries if number != mobile}
            if others[key]:
                self.client.zrem(key, *others[key])
        granted = self.grant(1)
        for key, taken_out in others.items():
            if taken_out:
                self.client.zadd(key, taken_out)
        assert not granted.damaged, granted.damaged
        return granted.grants[0] if granted.grants else None

    def granted(self, id_: str) -> Grant:
        """Begin the next call in the line of `id_`, which no limit defers."""
        grant = self.begin(id_)
        assert grant is not None, "deferred"
        return grant

    def settle(self, attempt: Grant | Lapsed, outcome: Outcome) -> SettleResult:
        """End an attempt now."""
        step = decide(outcome, attempt.attempt, POLICY, self.clock.now, 0.5)
        lapsed = isinstance(attempt, Lapsed)
        (result,) = self.ledger.settle([Settlement(attempt.id, attempt.token, outcome, step, lapsed=lapsed)])
        if isinstance(result, LedgerDamaged):
            raise result
        return result

    def call(self, id_: str, outcome: Outcome = ACCEPTED, *, takes: int = SECOND) -> Grant:
        """Place the next call in the line of `id_`; its reply arrives after `takes` ms."""
        grant = self.granted(id_)
        self.clock.advance(takes)
        self.settle(grant, outcome)
        return grant

    def lose_call(self, id_: str) -> Grant:
        """Begin a call whose worker dies; its lease runs out, and another worker settles it."""
        grant = self.granted(id_)
        self.clock.advance(LEASE)
        (lapsed,) = self.sweep(most=1).lapsed
        self.settle(lapsed, LAPSED)
        return grant

    def granted_exactly_at(self, moment: int, id_: str) -> Grant:
        """Let time pass until `moment`, when the next call in the line of `id_` is granted, but not a moment before."""
        for deferred_at in (self.clock.now, moment - 1):
            self.clock.set(deferred_at)
            assert self.due(id_) == moment
            assert self.begin(id_) is None, f"granted {moment - deferred_at} ms too early"
        self.clock.set(moment)
        return self.granted(id_)

    def woken(self) -> list[Wakeup]:
        """Whom the scripts have woken since this was asked last, as if each slept: takes the wake-ups out."""
        waiting: Any = [
            (kind, self.client.llen(self.prefix + key))
            for kind, key in ((Wakeup.URGENT, keys.WAKE_URGENT), (Wakeup.ORDINARY, keys.WAKE))
        ]
        self.client.delete(self.prefix + keys.WAKE_URGENT, self.prefix + keys.WAKE)
        return [kind for kind, entries in waiting for _ in range(entries)]

    # What people see.

    def explain(self, id_: str) -> Explanation:
        """All that is known of a notification."""
        return self.ledger.explain(id_)

    def state(self, id_: str) -> State:
        """The state of a notification."""
        return self.explain(id_).record.state

    def due(self, id_: str) -> int | None:
        """When the number of `id_` is looked at next: called, or given its place on the agenda anew."""
        mobile = self.explain(id_).record.mobile
        found: Any = [self.client.zscore(self.prefix + key, mobile) for key in (keys.AGENDA, keys.PROMOTIONS)]
        return min((time_of(at) for at in found if at is not None), default=None)

    def call_order(self, id_: str, calls: int) -> list[str]:
        """The ids of the next `calls` in the line of `id_`, one call as soon as the gap allows it."""
        order = []
        for _ in range(calls):
            order.append(self.call(id_).id)
            self.clock.advance(GAP)
        return order
