"""One account under test: its ledger on virtual time, and short words for what applications, workers and people do."""

from __future__ import annotations

from collections.abc import Sequence
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
from voice_notify.ledger.contracts import Submission
from voice_notify.ledger.dead_letters import DeadLetters
from voice_notify.ledger.explanation import Explanation
from voice_notify.ledger.ledger import Claim, Grant, Lapsed, Ledger, Settlement
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
WAKEUP_LEASE = 5 * SECOND
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
            max_line=20,
            default_expires_ms=7 * DAY,
            lease_ms=LEASE,
            send_within_ms=SEND_WITHIN,
            call_interval_ms=0,
            daily_budget=0,
            suspect_run=3,
            cooldown_ms=COOLDOWN,
            cooldown_max_ms=COOLDOWN_MAX,
            wakeup_lease_ms=WAKEUP_LEASE,
            worker_ttl_ms=15 * SECOND,
        )
        self.client = client
        self.prefix = prefix
        self.clock = Clock(client, prefix)
        self.ledger = Ledger(Scripts(client, prefix, rules, clock=CLOCK_LUA))
        self._tokens = (f"token-{number}" for number in count(1))
        self._wakeups = (f"wakeup-{number}" for number in count(1))

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
        *,
        wakeup: str = "",
        most_wakeups: int = 0,
        **fields: Any,  # noqa: ANN401 - of a Notification
    ) -> Submission:
        """Submit a notification; its times are in seconds, as the API has them."""
        notification = self.notification(mobile, **fields)
        return self.ledger.submit(notification, wakeup=wakeup, most_wakeups=most_wakeups)

    def notification(self, mobile: str = MOBILE, **fields: Any) -> Notification:  # noqa: ANN401
        """A notification that can be submitted."""
        params = fields.pop("params", ("张三", "3号楼"))
        return build_notification(mobile, "453662", params, templates={}, **{"id": new_id(), **fields})

    def submit(self, mobile: str = MOBILE, **fields: Any) -> str:  # noqa: ANN401
        """Submit a notification; its id."""
        return self.submission(mobile, **fields).id

    # What workers do.

    def claim(
        self, *, most: int = 100, fewest: int | None = None, wakeups_per_worker: int = 100, worker: str = "w1"
    ) -> Claim:
        """Turn the dispatcher of `worker` once."""
        lines = (most if fewest is None else fewest, most)
        return self.ledger.claim(
            lines=lines, wakeup=next(self._wakeups), wakeups_per_worker=wakeups_per_worker, worker=worker
        )

    def begin(self, id_: str, token: str | None = None) -> Grant | None:
        """Ask leave for the next call in the line of `id_`."""
        return self.begin_each([id_], token)[0]

    def begin_each(self, ids: Sequence[str], token: str | None = None) -> list[Grant | None]:
        """Ask leave for the next calls in the lines of `ids`, in one round trip; none of them is damaged."""
        grants = self.ledger.grant([(id_, token or next(self._tokens)) for id_ in ids])
        damaged = [grant for grant in grants if isinstance(grant, LedgerDamaged)]
        assert not damaged, damaged
        return [grant for grant in grants if not isinstance(grant, LedgerDamaged)]

    def granted(self, id_: str, token: str | None = None) -> Grant:
        """Begin the next call in the line of `id_`, which no limit defers."""
        grant = self.begin(id_, token)
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
        """Begin a call whose worker dies; its lease runs out, and a dispatcher settles it."""
        grant = self.granted(id_)
        self.clock.advance(LEASE)
        (lapsed,) = self.claim(most=1).lapsed
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

    # What people see.

    def explain(self, id_: str) -> Explanation:
        """All that is known of a notification."""
        return self.ledger.explain(id_)

    def state(self, id_: str) -> State:
        """The state of a notification."""
        return self.explain(id_).record.state

    def due(self, id_: str) -> int | None:
        """When the agenda has the number of `id_`."""
        at: Any = self.client.zscore(self.prefix + keys.AGENDA, self.explain(id_).record.mobile)
        return None if at is None else round(at)

    def call_order(self, id_: str, calls: int) -> list[str]:
        """The ids of the next `calls` in the line of `id_`, one call as soon as the gap allows it."""
        order = []
        for _ in range(calls):
            order.append(self.call(id_).id)
            self.clock.advance(GAP)
        return order
