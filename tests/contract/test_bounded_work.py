"""Guarantee G8: no script does more for a long line, a backlog or a campaign than its bound."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.support.account import ACCEPTED, LEASE, MOBILE, Account, other_number
from tests.support.clock import MINUTE, SECOND
from tests.support.redis_server import RedisServer
from voice_notify.domain.reasons import EndReason
from voice_notify.domain.retry import Step, Window
from voice_notify.domain.states import State
from voice_notify.ledger import keys, scripts
from voice_notify.ledger.account_status import read_account_status
from voice_notify.ledger.client import Client
from voice_notify.ledger.ledger import Settlement
from voice_notify.ledger.numbers import read_number

HUNDRED, MANY = 100, 10_000

DEAD = Step(State.DEAD, EndReason.REFUSED, Window.RELEASE)
SENT = Step(State.ACCEPTED, EndReason.PLACED, Window.COUNT)


@pytest.fixture
def account(redis_server: RedisServer) -> Iterator[Account]:
    """An account with nothing in it, on a real Redis, which counts its commands."""
    with Client.from_url(redis_server.url, decode_responses=True, protocol=2) as client:
        account = Account(client)
        account.configure(max_line=2 * MANY)
        yield account


def numbers(count: int) -> list[str]:
    """So many numbers, none of them `MOBILE`."""
    return [other_number(number) for number in range(count)]


def submit_each(account: Account, mobiles: Sequence[str], **fields: Any) -> None:  # noqa: ANN401 - of a Notification
    """Submit one for each number."""
    account.ledger.submit_many([account.notification(mobile, **fields) for mobile in mobiles])


def begin_all(account: Account) -> list[tuple[str, str]]:
    """Begin all that is due; the ids and tokens."""
    begun: list[tuple[str, str]] = []
    while grants := account.grant(100).grants:
        begun += [(grant.id, grant.token) for grant in grants]
    return begun


def end(account: Account, attempts: Sequence[tuple[str, str]], step: Step) -> None:
    """Settle these calls."""
    account.ledger.settle([Settlement(id_, token, ACCEPTED, step) for id_, token in attempts])


# What there may be many of.


def ready_in_a_line(account: Account, count: int) -> None:
    submit_each(account, [MOBILE] * count)


def scheduled_in_a_line(account: Account, count: int) -> None:
    for priority in range(10):
        submit_each(account, [MOBILE] * (count // 10), countdown=60, priority=priority)


def due_in_a_line(account: Account, count: int) -> None:
    scheduled_in_a_line(account, count)
    account.clock.advance(MINUTE)


def expired_in_a_line(account: Account, count: int) -> None:
    submit_each(account, [MOBILE] * count, expires=10)
    account.clock.advance(MINUTE)


def due(account: Account, count: int) -> None:
    for priority in range(10):
        submit_each(account, numbers(count)[priority::10], priority=priority)


def due_with_others_scheduled(account: Account, count: int) -> None:
    due(account, count)
    submit_each(account, numbers(count), countdown=60)


def due_with_long_lines(account: Account, count: int) -> None:
    for _ in range(50):
        submit_each(account, numbers(count // 50), countdown=60)
    account.clock.advance(MINUTE)


def expired(account: Account, count: int) -> None:
    submit_each(account, numbers(count), expires=10)
    account.clock.advance(MINUTE)


def lapsed(account: Account, count: int) -> None:
    submit_each(account, numbers(count))
    begin_all(account)
    account.clock.advance(LEASE)


def waiting_for_their_gap(account: Account, count: int) -> None:
    submit_each(account, numbers(count))
    end(account, begin_all(account), SENT)
    submit_each(account, numbers(count))


def promoted(account: Account, count: int) -> None:
    submit_each(account, numbers(count))
    submit_each(account, numbers(count), priority=9, countdown=60)
    account.clock.advance(MINUTE)


def promoted_for_nothing(account: Account, count: int) -> None:
    submit_each(account, numbers(count))
    submit_each(account, numbers(count), priority=9, countdown=1)
    begin_all(account)
    account.clock.advance(SECOND)


def dead(account: Account, count: int) -> None:
    submit_each(account, numbers(count))
    end(account, begin_all(account), DEAD)


def dead_for_long(account: Account, count: int) -> None:
    dead(account, count)
    account.configure(dead_retention_ms=MINUTE)
    account.clock.advance(MINUTE)


def damaged(account: Account, count: int) -> None:
    submit_each(account, numbers(count))
    with account.client.pipeline(transaction=False) as pipe:
        for mobile in numbers(count):
            pipe.rename(account.prefix + keys.LINE + mobile, "elsewhere")
            pipe.set(account.prefix + keys.LINE + mobile, "not a sorted set")
        pipe.execute()


MANY_OF = [
    ready_in_a_line,
    scheduled_in_a_line,
    due_in_a_line,
    expired_in_a_line,
    due,
    due_with_others_scheduled,
    due_with_long_lines,
    expired,
    lapsed,
    waiting_for_their_gap,
    promoted,
    promoted_for_nothing,
    dead,
    dead_for_long,
    damaged,
]

# What is done then, and how many commands that may take in Redis, whatever there is.


def in_flight(account: Account) -> list[tuple[str, str]]:
    """Up to 16 of the calls that are in flight; the ids and tokens."""
    found: Any = account.client.zrevrange(account.prefix + keys.CALLING, 0, 15)
    return [(id_, str(account.client.hget(account.prefix + keys.NOTIFICATION + id_, "token"))) for id_ in found]


def some_dead(account: Account) -> list[str]:
    """Up to 10 dead letters."""
    found: Any = account.client.zrange(account.prefix + keys.DEAD, 0, 9)
    return list(found)


#: In this order: what comes later changes what there is.
OPERATIONS: dict[str, tuple[Callable[[Account], object], int]] = {
    "explain": (lambda account: account.explain("id"), 270),
    "number": (lambda account: read_number(account.ledger.scripts, MOBILE, most=20), 45),
    "account status": (lambda account: read_account_status(account.ledger.scripts), 35),
    "submit": (lambda account: account.submit(), 40),
    "submit an urgent one": (lambda account: account.submit(priority=9), 40),
    "submit one for later": (lambda account: account.submit(countdown=5, priority=8), 40),
    "submit 50": (lambda account: submit_each(account, [MOBILE] * 50, countdown=5, priority=9), 1400),
    "cancel": (lambda account: account.ledger.cancel("id"), 40),
    "pause": (lambda account: account.ledger.pause("a while"), 8),
    "resume": (lambda account: account.ledger.resume(), 8),
    "sweep": (lambda account: account.sweep(), 2000),
    "grant 16": (lambda account: account.grant(16), 1500),
    "grant 500": (lambda account: account.grant(500), 3000),
    "settle 16": (lambda account: end(account, in_flight(account), SENT), 400),
    "settle 16 refused ones": (lambda account: end(account, in_flight(account), DEAD), 400),
    "replay 10": (lambda account: account.dead_letters.replay(some_dead(account), expires=60), 250),
    "purge 10": (lambda account: account.dead_letters.purge(some_dead(account)), 60),
}


def commands(client: redis.Redis) -> int:
    """How many commands the server has run since it was asked to forget, those of the measurement left out."""
    found: Any = client.info("commandstats")
    of_measurement = re.compile(r"cmdstat_(evalsha|script|config|info|client|auth|hello|select)\b")
    return sum(stat["calls"] for name, stat in found.items() if not of_measurement.match(name))


def measure(account: Account, there_are: Callable[[Account, int], None], count: int) -> dict[str, int]:
    """The commands that each operation takes where there are so many."""
    account.client.flushdb()
    account.clock.set(account.clock.now)
    account.submit(id="id", priority=4)
    there_are(account, count)
    taken = {}
    for name, (operate, _) in OPERATIONS.items():
        account.client.config_resetstat()
        operate(account)
        taken[name] = commands(account.client)
    return taken


@pytest.mark.parametrize("many_of", MANY_OF)
def test_no_script_does_more_than_its_bound(account: Account, many_of: Callable[[Account, int], None]) -> None:
    """A hundred times as much of anything takes no more commands, or a bounded number that is fit for one moment."""
    few, hundred, many = (measure(account, many_of, count) for count in (1, HUNDRED, MANY))
    for name, (_, bound) in OPERATIONS.items():
        assert max(few[name], hundred[name], many[name]) <= bound, name


#: What scripts read in whole, and why that cannot grow: fields of one record, transitions of one notification, one
#: entry per worker that is alive, one per state and reason.
READ_IN_WHOLE = {
    "NOTIFICATION .. found[i]",
    "NOTIFICATION .. id",
    "LOG .. id",
    "ACCOUNT",
    "BUDGET_PAUSE",
    "COUNTS",
    "TOTALS",
    "HEARTBEATS",
}


def test_no_script_reads_in_whole_what_can_grow() -> None:
    """One command for all of a line would be one command, and hold Redis for as long as the line is."""
    reading = r"[ZSH]?SCAN|KEYS|SORT|SMEMBERS|HGETALL|HKEYS|HVALS|[LZ]\w*RANGE\w*"
    reads = re.compile(rf"redis\.p?call\('(?:{reading})', (?P<key>[^,)]+)(?P<how>[^\n]*)")
    bounded = re.compile("'LIMIT'|, 0, [01]|, 0, call.most - 1")
    texts = [path.read_text(encoding="utf-8") for path in Path(scripts.__file__).parent.glob("lua/**/*.lua")]
    found = [read for text in texts for read in reads.finditer(text)]
    assert len(found) > 20
    assert {read["key"] for read in found if not bounded.search(read["how"])} == READ_IN_WHOLE
