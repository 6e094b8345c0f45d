"""What Redis does for one placed call, with more or less waiting for the same number."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

import redis

from tests.benchmarks.bench import cheapest_provider, open_bench
from tests.benchmarks.job import APP_ID
from voice_notify.domain.notification import OnUnconfirmed, build_notification, new_id
from voice_notify.domain.outcome import Kind, Outcome
from voice_notify.domain.retry import RetryPolicy, decide
from voice_notify.ledger.connect import connect
from voice_notify.ledger.ledger import Ledger, Settlement
from voice_notify.settings import Settings

_MOBILE = "13800138000"
_WINDOW = 0.001
_requests = count(1)
_NONE = {"calls": 0}
_POLICY = RetryPolicy(6, 2, 300, OnUnconfirmed.RESEND, 2)
_ACCEPTED = Outcome(Kind.ACCEPTED, "200", "成功", call_id="1", task_no="1")


@dataclass(frozen=True, slots=True)
class PerCall:
    """What Redis did for one placed call."""

    commands: Mapping[str, float]  #: by name
    microseconds: float  #: inside of the scripts


def measure_line(length: int, calls: int) -> PerCall:
    """Place calls to one number whose line always holds `length`, by the ledger's own hand.

    Without workers no dispatcher looks at the clock in between, so the counts are exact. The windows are shrunk to
    nothing, so that the number can be called at once.
    """
    commands: Counter[str] = Counter()
    microseconds = 0
    with open_bench(cheapest_provider) as bench, bench.redis as client:
        ledger = connect(_settings(bench.server.url, length))
        _submit(ledger, length + 1)
        _place_next(ledger)  # loads the scripts
        for _ in range(calls):
            time.sleep(2 * _WINDOW)
            before = _commands(client)
            _place_next(ledger)
            after = _commands(client)
            commands.update({name: stat["calls"] - before.get(name, _NONE)["calls"] for name, stat in after.items()})
            microseconds += after["evalsha"]["usec"] - before["evalsha"]["usec"]
            _submit(ledger, 1)
    commands.subtract({"info": calls})
    return PerCall({name: count / calls for name, count in sorted(commands.items()) if count}, microseconds / calls)


def _settings(redis_url: str, length: int) -> Settings:
    return Settings(
        app_id=APP_ID,
        redis_url=redis_url,
        min_interval=0,
        window_guard=0,
        window=_WINDOW,
        max_line=length + 1,
    )


def _submit(ledger: Ledger, number: int) -> None:
    ledger.submit_many(
        [build_notification(_MOBILE, "453662", ["张三", "3号楼"], templates={}, id=new_id()) for _ in range(number)]
    )


def _place_next(ledger: Ledger) -> None:
    """What the dispatcher and a worker do for one call, the request left out."""
    (grant,) = ledger.grant(1, ordinary=1, process="bench", request=next(_requests)).grants
    step = decide(_ACCEPTED, grant.attempt, _POLICY, grant.now_ms, 0.5)
    ledger.settle([Settlement(grant.id, grant.token, _ACCEPTED, step)])


def _commands(client: redis.Redis) -> dict[str, Any]:
    found: Any = client.info("commandstats")
    return {name.removeprefix("cmdstat_"): stat for name, stat in found.items()}
