"""What one of many processes does to an account at once with the others, and what it saw, by Redis's clock."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import redis

from tests.support.account import ACCEPTED, MAINTENANCE, UNCONFIRMED
from voice_notify.domain.notification import Notification, OnUnconfirmed, build_notification
from voice_notify.domain.retry import RetryPolicy, decide
from voice_notify.domain.windows import Limits
from voice_notify.errors import LedgerDamaged
from voice_notify.ledger import keys
from voice_notify.ledger.ledger import Grant, Ledger, Settlement
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
    dead_retention_ms=0,
    max_line=1_000_000,
    default_expires_ms=600_000,
    lease_ms=600_000,
    send_within_ms=600_000,
    call_interval_ms=0,
    daily_budget=0,
    suspect_run=1000,
    cooldown_ms=1,
    cooldown_max_ms=1,
    outage_run=1000,
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
    """Submit, call, settle, cancel and sweep at random, once all `processes` are there."""
    chance, report = random.Random(name), Report()  # noqa: S311 - not for secrets
    with redis.Redis.from_url(url, decode_responses=True, protocol=2) as client:
        ledger = open_ledger(client)
        client.incr("present")
        while int(client.get("present") or 0) < processes:
            time.sleep(0.001)
        for number in range(operations):
            id_ = f"{name}-{number}"
            match chance.choices(["submit", "call", "cancel", "sweep"], [30, 55, 5, 10])[0]:
                case "submit":
                    ledger.submit(_notification(id_, chance.choice(mobiles), chance))
                    report.submitted.append(id_)
                case "call":
                    for grant in _ask_for_calls(ledger, f"p{name}", number, chance):
                        _call(ledger, grant, chance, report)
                case "cancel" if report.submitted:
                    ledger.cancel(chance.choice(report.submitted))
                case "sweep":
                    ledger.sweep(f"w{name}", most=chance.choice([1, 100]))
    return report


def _notification(id_: str, mobile: str, chance: random.Random) -> Notification:
    countdown, priority = chance.choice([0, 0, 0.005, 0.02]), chance.choice([0, 0, 5, 9])
    return build_notification(mobile, "453662", id=id_, key=id_, countdown=countdown, priority=priority, templates={})


def _ask_for_calls(ledger: Ledger, process: str, request: int, chance: random.Random) -> tuple[Grant, ...]:
    most = chance.choice([1, 1, 3])
    ordinary = chance.choice([most, most - 1])
    granted = ledger.grant(most, ordinary=ordinary, process=process, request=request)
    assert not granted.damaged
    assert len(granted.grants) <= most
    if granted.grants and chance.random() < 0.2:  # the reply was lost
        again = ledger.grant(most, ordinary=ordinary, process=process, request=request)
        assert [grant.token for grant in again.grants] == [grant.token for grant in granted.grants]
    return granted.grants


def _call(ledger: Ledger, grant: Grant, chance: random.Random, report: Report) -> None:
    time.sleep(chance.choice([0, 0, 0.001, 0.005]))  # the provider takes its time
    outcome = chance.choice([ACCEPTED, ACCEPTED, ACCEPTED, MAINTENANCE, UNCONFIRMED])
    step = decide(outcome, grant.attempt, POLICY, grant.now_ms, chance.random())
    replied = redis_now(ledger.scripts.client)
    (state,) = ledger.settle([Settlement(grant.id, grant.token, outcome, step)])
    assert not isinstance(state, LedgerDamaged)
    was_placed = outcome is not MAINTENANCE  # or may have been
    report.placed.append(Placed(grant.id, grant.mobile, grant.now_ms, replied, state, was_placed))
