"""Guarantee G8: however much there is, a command that reads asks for a page at a time, and never for all keys."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from tests.support.account import ACCEPTED, POLICY, REFUSED, Account
from tests.support.cli import Cli, command_line
from tests.support.clock import MINUTE
from tests.support.redis_server import RedisServer
from voice_notify.domain.outcome import Outcome
from voice_notify.domain.retry import decide
from voice_notify.domain.states import State
from voice_notify.ledger.client import Client
from voice_notify.ledger.ledger import Settlement
from voice_notify.ledger.paging import PAGE
from voice_notify.ledger.scripts import Scripts

#: How many there are in each state but `cancelled`; those that wait are as many again, in one line.
MANY = 10_000
#: The number of that line.
MOBILE = "13800000000"
READS: list[tuple[str, ...]] = [
    *(
        ("list", "--state", state.value, *options)
        for state in State
        for options in ((), ("--limit", "1200", "--json"), ("--reason", "none has this"))
    ),
    ("list", "--state", "waiting", "--number", MOBILE, "--limit", "1200", "--json"),
    ("dlq", "list"),
    ("dlq", "list", "--newer-than", "1h", "--limit", "1200", "--json"),
    ("dlq", "export"),
    ("dlq", "purge", "--all", "--dry-run"),
    ("dlq", "replay", "--all", "--dry-run"),
    ("dlq", "show", "dead0"),
    ("number", MOBILE),
    ("stats", "--days", "35"),
    ("account", "show"),
    ("status", "waiting0"),
    ("explain", f"line{MANY - 1}"),
    ("cancel", "waiting0", "--yes"),
    ("doctor",),
    ("health",),
]
#: What looks at all keys of a Redis, in which others may have theirs.
OF_ALL_KEYS = {"scan", "keys", "dbsize", "randomkey"}


def fill(account: Account) -> None:
    """Have many notifications in each state."""
    account.configure(max_line=MANY, suspect_run=10 * MANY)
    numbers = iter(range(13_900_000_000, 13_999_999_999))

    def submit(what: str, **fields: Any) -> None:  # noqa: ANN401 - of a notification
        for first in range(0, MANY, PAGE):
            account.ledger.submit_many(
                [
                    account.notification(**{"mobile": str(next(numbers)), "id": f"{what}{number}"} | fields)
                    for number in range(first, first + PAGE)
                ]
            )

    submit("expired", expires=60)
    account.clock.advance(MINUTE)
    while account.expire():
        pass
    for state, outcome in ((State.ACCEPTED, ACCEPTED), (State.DEAD, REFUSED), (State.CALLING, None)):
        submit(state)
        call(account, state, outcome)
    submit("waiting")
    submit("line", mobile=MOBILE)


def call(account: Account, what: str, outcome: Outcome | None) -> None:
    """Begin the calls of the many that wait, and end them with an outcome if there is one."""
    begun = 0
    while granted := account.grant(PAGE).grants:
        begun += len(granted)
        assert all(grant.id.startswith(what) for grant in granted)
        if outcome:
            account.ledger.settle(
                [
                    Settlement(each.id, each.token, outcome, decide(outcome, each.attempt, POLICY, each.now_ms, 0.5))
                    for each in granted
                ]
            )
    assert begun == MANY


@pytest.fixture(scope="module")
def filled(redis_server: RedisServer) -> Iterator[Account]:
    """A real Redis in which there is a lot."""
    with Client.from_url(redis_server.url, decode_responses=True, protocol=2) as client:
        client.flushdb()
        account = Account(client)
        fill(account)
        yield account
        client.flushdb()


@pytest.fixture
def cli(filled: Account, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cli]:
    """The command line on it."""
    with command_line(monkeypatch, redis_url=redis_server.url) as cli:
        cli.account = filled
        monkeypatch.setattr(Scripts, "now_ms", lambda _: filled.clock.now)
        yield cli


@pytest.fixture
def replies(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """The most elements of a reply to each Redis command that is sent from now on."""
    most: Counter[str] = Counter()
    parse = redis.Redis.parse_response

    def recorded(self: redis.Redis, connection: Any, command_name: str, **options: Any) -> Any:  # noqa: ANN401
        reply = parse(self, connection, command_name, **options)  # type: ignore[no-untyped-call]
        name = str(command_name).lower()
        most[name] = max(most[name], elements(reply))
        return reply

    monkeypatch.setattr(redis.Redis, "parse_response", recorded)
    return most


def elements(reply: Any) -> int:  # noqa: ANN401 - as Redis replies
    """How many a reply has, those inside of others included."""
    if isinstance(reply, dict):
        return 2 * len(reply)
    return sum(map(elements, reply)) if isinstance(reply, list | tuple) else 1


@pytest.mark.parametrize("arguments", READS, ids=" ".join)
def test_a_reading_command_is_bounded(cli: Cli, replies: Counter[str], arguments: tuple[str, ...]) -> None:
    """No reply is longer than a page of entries with their scores, and no command looks through all keys."""
    client = cli.account.client
    client.config_resetstat()
    result = cli.run(*arguments)
    assert result.exit_code == 0 or arguments in (("doctor",), ("health",)), result.output
    stats: Any = client.info("commandstats")
    used = {name.removeprefix("cmdstat_") for name in stats}
    assert used & OF_ALL_KEYS == set()
    assert replies
    assert max(count for name, count in replies.items() if name != "info") <= 2 * PAGE, replies
