"""What one of many processes does to an account at once with the others, and what it saw, by Redis's clock."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import redis

from tests.support.account import ACCEPTED, MAINTENANCE, UNCONFIRMED
from voice_notify.domain.notification import OnUnconfirmed, build_notification
from voice_notify.domain.retry import RetryPolicy, decide
from voice_notify.domain.windows import Limits
from voice_notify.errors import LedgerDamaged
from voice_notify.ledger import keys
from voice_notify.ledger.ledger import Ledger, Settlement
from voice_notify.ledger.rules import LedgerRules
from voice_notify.ledger.scripts import Scripts

#: So small that a number is called a hundred times in a second.
LIMITS = Limits(gap_ms=3, max_calls=5, window_ms=40)
POLICY = RetryPolicy(
    max_attempts=3, backoff_base=0.005, backoff_max=0.01, on_unconfirmed=OnUnconfirmed.RESEND, max_unconfirmed=2
)
OPTIONS = LedgerRules(
    limits=LIMITS,
    retention_ms=600_000,
    max_line=1_000_000,
    default_expires_ms=600_000,
    lease_ms=600_000,
    send_within_ms=600_000,
    call_interval_ms=0,
    daily_budget=0,
    suspect_run=1000,
    cooldown_ms=1,
    cooldown_max_ms=1,
    wakeup_lease_ms=1,
)


@dataclass(frozen=True)
class Placed:
    """A call: its request was with the provider at some moment from `begun` to `replied`, by Redis's clock in ms."""

    id: str
    mobile: str
    begun: int
    replied: int
    state: str  #: what the ledger answered to its settlement
    was_placed: bool


@dataclass
class Report:
    """What one process did."""

    submitted: list[str] = field(default_factory=list)
    placed: list[Placed] = field(default_factory=list)


def open_ledger(client: redis.Redis) -> Ledger:
    """The account that all processes share."""
    return Ledger(Scripts(client, keys.prefix("race"), OPTIONS))


def redis_now(client: redis.Redis) -> int:
    """Redis's clock, in ms."""
    seconds, micros = client.time()
    return int(seconds) * 1000 + int(micros) // 1000


def hammer(url: str, name: int, processes: int, mobiles: Sequence[str], operations: int) -> Report:
    """Submit, claim, call, settle, cancel and expire at random, once all `processes` are there."""
    chance, report = random.Random(name), Report()  # noqa: S311 - not for secrets
    with redis.Redis.from_url(url, decode_responses=True, protocol=2) as client:
        ledger = open_ledger(client)
        client.incr("present")
        while int(client.get("present") or 0) < processes:
            time.sleep(0.001)
        for number in range(operations):
            token = f"{name}-{number}"
            match chance.choices(["submit", "call", "cancel", "claim", "expire"], [30, 50, 5, 10, 5])[0]:
                case "submit":
                    mobile = chance.choice(mobiles)
                    ledger.submit(build_notification(mobile, "453662", id=token, key=token, templates={}))
                    report.submitted.append(token)
                case "call" if report.submitted:
                    _call(ledger, chance.choice(report.submitted), token, chance, report)
                case "cancel" if report.submitted:
                    ledger.cancel(chance.choice(report.submitted))
                case "claim":
                    for id_ in ledger.claim(lines=(3, 3), wakeup=token, wakeups_per_worker=100, worker=f"w{name}").ids:
                        _call(ledger, id_, f"{token}-{id_}", chance, report)
                case "expire":
                    ledger.expire()
    return report


def _call(ledger: Ledger, id_: str, token: str, chance: random.Random, report: Report) -> None:
    (grant,) = ledger.grant([(id_, token)])
    assert not isinstance(grant, LedgerDamaged)
    if grant is None:
        return
    time.sleep(chance.choice([0, 0, 0.001, 0.005]))  # the provider takes its time
    outcome = chance.choice([ACCEPTED, ACCEPTED, ACCEPTED, MAINTENANCE, UNCONFIRMED])
    step = decide(outcome, grant.attempt, POLICY, grant.now_ms, chance.random())
    replied = redis_now(ledger.scripts.client)
    (state,) = ledger.settle([Settlement(grant.id, token, outcome, step)])
    assert not isinstance(state, LedgerDamaged)
    was_placed = outcome is not MAINTENANCE  # or may have been
    report.placed.append(Placed(grant.id, grant.mobile, grant.now_ms, replied, state, was_placed))
