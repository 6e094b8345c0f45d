"""Running the scripts: forgotten ones are loaded again, and an unreachable Redis is said so."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.support.account import ACCEPTED, MOBILE, Account, other_number
from tests.support.redis_server import RedisServer
from voice_notify.domain.notification import build_notification
from voice_notify.domain.reasons import EndReason
from voice_notify.domain.retry import Step, Window
from voice_notify.domain.states import State
from voice_notify.domain.windows import Limits
from voice_notify.errors import LedgerDamaged, LineFull, NotAllowed, StoreUnavailable
from voice_notify.ledger import contracts, scripts
from voice_notify.ledger.client import Client
from voice_notify.ledger.connect import connect
from voice_notify.ledger.dead_letters import Filter
from voice_notify.ledger.declaration import BatchScript, Script
from voice_notify.ledger.ledger import Settlement, Wakeup
from voice_notify.ledger.redis_errors import store_errors
from voice_notify.ledger.results import SubmitStatus
from voice_notify.ledger.scripts import with_includes
from voice_notify.settings import SecretUrl, Settings


def test_forgotten_scripts(account: Account) -> None:
    """A Redis that lost its script cache, as after a restart, is given the scripts again, once."""
    account.submit()
    account.client.script_flush()
    id_ = account.submit()
    account.client.script_flush()
    account.call(id_)
    assert account.ledger.counts()[State.ACCEPTED] == 1


def test_forgotten_scripts_of_many(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the script of several groups was forgotten, each of them runs exactly once."""
    ids = [account.submit(other_number(number)) for number in range(3)]
    step = Step(State.ACCEPTED, EndReason.PLACED, Window.COUNT)
    ended = [Settlement(grant.id, grant.token, ACCEPTED, step) for grant in account.grant().grants]
    monkeypatch.setattr(scripts, "_ITEMS_AT_ONCE", 1)
    account.client.script_flush()
    assert account.ledger.settle(ended) == ["accepted"] * 3
    assert [len(account.explain(id_).history) for id_ in ids] == [3, 3, 3]


@pytest.fixture
def forgetful(account: Account) -> Iterator[Account]:
    """An account whose Redis forgets its scripts all the time."""
    over = threading.Event()

    def flush() -> None:
        while not over.is_set():
            account.client.script_flush()

    with ThreadPoolExecutor(1) as thread:
        flushing = thread.submit(flush)
        yield account
        over.set()
    flushing.result()


def test_scripts_that_are_forgotten_all_the_time(forgetful: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither one nor many at once are refused, and each is run once."""
    for number in range(100):
        forgetful.submit(other_number(number))
    monkeypatch.setattr(scripts, "_ITEMS_AT_ONCE", 10)
    made = [
        build_notification(other_number(100 + number), "453662", id=f"n{number}", templates={}) for number in range(100)
    ]
    replies = forgetful.ledger.submit_many(made)
    assert [getattr(reply, "status", reply) for reply in replies] == [SubmitStatus.STORED] * 100
    assert forgetful.ledger.counts()[State.WAITING] == 200


def test_a_script_that_may_not_be_loaded(redis_server: RedisServer) -> None:
    """A user without that right is told so, in the error of this package, and of nothing that was to be stored."""
    url = redis_server.url.replace("//", "//lame:any@")
    with redis_server.client() as admin, Client.from_url(url, decode_responses=True, protocol=2) as client:
        admin.acl_setuser("lame", enabled=True, nopass=True, categories=["+@all"], commands=["-script"], keys=["*"])
        admin.script_flush()
        with pytest.raises(NotAllowed) as refused:
            Account(client).submit()
        assert MOBILE not in str(refused.value)
        admin.acl_deluser("lame")


def test_shared_parts_are_included_once_and_before_those_that_use_them() -> None:
    """An `@include` brings in a part, and what that includes in turn, however often it is named."""
    texts = {
        "ring": '--- @include "b"\n--- @include "a"\nreturn b()',
        "shared/a": "local a",
        "shared/b": '--- @include "a"\nlocal b',
    }
    assert with_includes("ring", texts.__getitem__) == "local a\nlocal b\nreturn b()"


def test_scripts_are_the_same_for_all_accounts_and_settings(client: redis.Redis) -> None:
    """Redis keeps one copy of each script, however many accounts and settings use it."""
    one, other = Account(client, "one"), Account(client, "other")
    other.configure(max_line=1, retention_ms=1)
    for script in SCRIPTS:
        assert one.ledger.scripts.text(script) == other.ledger.scripts.text(script)


def test_a_wrong_answer(account: Account) -> None:
    """What is wrong with the data is not taken for an outage."""
    account.client.set(account.prefix + "agenda", "not a sorted set")
    with pytest.raises(LedgerDamaged):
        account.submit()


def test_every_script_is_declared_and_can_be_read(account: Account) -> None:
    """Each Lua file has its declaration, and Redis can read what both make together."""
    files = {path.stem for path in Path(scripts.__file__).parent.glob("lua/*.lua")}
    assert {script.name for script in SCRIPTS} == files
    for script in SCRIPTS:
        account.client.script_load(account.ledger.scripts.text(script))


def test_each_rule_that_a_script_names_exists(account: Account) -> None:
    """A script that names a rule that is no rule would find nil there."""
    for script in SCRIPTS:
        named = set(re.findall(r"rules\.(\w+)", account.ledger.scripts.text(script)))
        assert named <= account.ledger.rules.numbers.keys(), script.name


def test_two_settings(client: redis.Redis) -> None:
    """Processes of one account with unlike settings, as while they are changed, each go by their own."""
    old, new = Account(client), Account(client)
    for account in (old, new):
        account.submit()
    new.configure(max_line=1)
    with pytest.raises(LineFull):
        new.submit()
    assert old.submit()


def test_two_accounts(client: redis.Redis) -> None:
    """Accounts that share a Redis know nothing of each other."""
    one, other = Account(client, "one"), Account(client, "other")
    one.submit(id="a", key="order-8812")
    other.submit(id="a", key="order-8812", priority=9)
    other.call("a")
    assert one.state("a") == "waiting"
    assert one.granted("a").attempt.attempts == 1


#: Everything that is declared.
SCRIPTS = [each for each in vars(contracts).values() if isinstance(each, Script | BatchScript)]
NOTIFICATION = build_notification("13800138000", "453662", id="a", templates={})


@pytest.mark.parametrize(
    "use",
    [
        lambda account: account.submit(),
        lambda account: account.ledger.submit_many([NOTIFICATION, NOTIFICATION]),
        lambda account: account.grant(),
        lambda account: account.sweep(),
        lambda account: account.explain("a"),
        lambda account: account.ledger.counts(),
        lambda account: account.ledger.workers(),
        lambda account: account.ledger.account(),
        lambda account: account.ledger.wake(Wakeup.URGENT),
        lambda account: account.ledger.wait_for_wakeup([Wakeup.URGENT], 0.1),
        lambda account: account.dead_letters.count(),
        lambda account: list(account.dead_letters.find(Filter())),
        lambda account: account.dead_letters.purge(["a"]),
    ],
)
def test_an_unreachable_redis(account: Account, use: Callable[[Account], object]) -> None:
    """Whatever is asked of a Redis that cannot be reached, the caller is told that it is unavailable."""
    with socket.socket() as nobody_listens:
        nobody_listens.bind(("127.0.0.1", 0))
        port = nobody_listens.getsockname()[1]
        account.ledger.scripts.client = redis.Redis(port=port, retry=Retry(NoBackoff(), 0))
        with pytest.raises(StoreUnavailable):
            use(account)


def test_a_refusal_that_nobody_knows() -> None:
    """Whatever Redis, or a proxy before it, refuses, a caller meets an error of this package."""
    with pytest.raises(StoreUnavailable), store_errors:
        raise redis.ResponseError("ERR unknown command 'evalsha'")
    with pytest.raises(LedgerDamaged), store_errors:
        raise redis.ResponseError("WRONGTYPE Operation against a key holding the wrong kind of value")


@pytest.mark.parametrize(
    "refusal",
    [
        "OOM command not allowed when used memory > 'maxmemory'.",
        "READONLY You can't write against a read only replica.",
        "NOREPLICAS Not enough good replicas to write.",
        "MISCONF Errors writing to the AOF file: No space left on device",
    ],
)
def test_a_refusal_in_the_words_of_redis_6(refusal: str) -> None:
    """A Redis 6.2 that takes no writes is unavailable too: what it refuses is tried again, outcomes above all."""
    with pytest.raises(StoreUnavailable), store_errors:
        raise redis.ResponseError(
            f"Error running script (call to f_8ef40bbc): @user_script:299: @user_script: 299: -{refusal}"
        )


def test_from_settings(redis_server: RedisServer) -> None:
    """The windows of the settings are enforced with the guard, and a call's lease covers connecting and reading."""
    settings = Settings(
        app_id="from-settings",
        redis_url=SecretUrl(redis_server.url),
        min_interval=30,
        max_calls=5,
        window=86_400,
        window_guard=0.5,
        connect_timeout=3,
        read_timeout=10,
        max_calls_per_second=8,
        default_expires=60,
    )
    ledger = connect(settings)
    assert ledger.rules.limits == Limits(gap_ms=30_500, max_calls=5, window_ms=86_400_500)
    assert ledger.rules.call_interval_ms == 125
    assert ledger.rules.send_within_ms < ledger.rules.lease_ms - 10_000
    id_ = ledger.submit(NOTIFICATION).id
    record = ledger.explain(id_).record
    assert record.deadline_ms == record.created_ms + 60_000
    ledger.scripts.client.close()


def test_a_lost_reply(account: Account) -> None:
    """A script that is sent again because its reply was lost does no more than the first time."""
    for _ in range(2):
        account.submit(id="a")
    (grant,) = account.grant(request=1).grants
    assert account.grant(request=1).grants == (grant,)
    assert [account.settle(grant, ACCEPTED) for _ in range(2)] == ["accepted", "accepted"]
    assert account.ledger.counts()[State.ACCEPTED] == 1
