"""`deploy/redis.conf` and its users on a real Redis: what each user is for works, and what it is not for is refused.

That each can do its work is proved by `test_deploy_redis_work.py` for the ledger, and with Celery by the acceptance
tests under `ACL=1` (`make slow`).
"""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.exceptions import NoPermissionError

from tests.support.redis_server import DEPLOY, RedisServer, run_redis_server
from voice_notify.domain.notification import build_notification
from voice_notify.errors import NotAllowed
from voice_notify.ledger import keys, scripts
from voice_notify.ledger.connect import connect
from voice_notify.ledger.dead_letters import DeadLetters
from voice_notify.settings import SecretUrl, Settings

APP_ID = "shop-1.x"
KEY = keys.prefix(APP_ID)
QUEUE = f"voice-notify.{APP_ID}"
MAKE_SECRETS = str(DEPLOY / "make-secrets.sh")
LUA = Path(scripts.__file__).parent / "lua"
USERS = ("producer", "worker", "operator", "flower", "metrics")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """Redis as `deploy/` sets it up, with one dead letter, one parked number and one worker."""
    with run_redis_server(tmp_path_factory.mktemp("redis"), users_of=APP_ID) as running, running.client() as admin:
        admin.zadd(KEY + keys.AGENDA, {"13800138000": 1})
        admin.zadd(KEY + keys.DEAD, {"letter": 1})
        admin.zadd(KEY + keys.HEARTBEATS, {"w1@host": time.time() * 1000 + 60_000})
        admin.hset(KEY + keys.NOTIFICATION + "letter", mapping={"mobile": "13800138000", "state": "dead"})
        admin.hset(KEY + keys.COUNTS, "dead", 1)
        admin.lpush(QUEUE, "a wake-up")
        yield running


@pytest.fixture
def as_user(server: RedisServer) -> Callable[[str], redis.Redis]:
    """A client for each user."""
    return lambda user: redis.Redis.from_url(server.url_of(user), decode_responses=True, protocol=2)


def test_a_stranger_may_only_ask_whether_it_lives(server: RedisServer) -> None:
    """Without a password nothing can be read, not as `default` either; the health check's user can PING, no more."""
    for login in ("", "default:@", "default:any@"):
        stranger = redis.Redis.from_url(f"redis://{login}127.0.0.1:{server.port}")
        with stranger, pytest.raises(redis.AuthenticationError):
            stranger.get(KEY + keys.SEQUENCE)
    with redis.Redis(port=server.port, username="health", password="any", protocol=2) as health:
        assert health.ping()
        with pytest.raises(NoPermissionError):
            health.get(KEY + keys.SEQUENCE)


REFUSED: dict[str, list[tuple[Any, ...]]] = {
    "producer": [
        ("zrange", KEY + keys.DEAD, 0, -1),
        ("del", KEY + "notification:letter"),
        ("zrem", KEY + keys.DEAD, "letter"),
        ("set", KEY + "calls:13800138000", ""),
        ("del", KEY + "calls:13800138000"),
        ("set", KEY + "hold:13800138000", "0"),
        ("hset", KEY + keys.ACCOUNT, "since", 1),
        ("del", KEY + keys.ACCOUNT),
        ("zrange", KEY + keys.CALLING, 0, -1),
        ("zrange", KEY + keys.DEADLINES, 0, -1),
        ("set", KEY + keys.CLOCK, "0 0"),
        ("set", KEY + keys.RATE, "0"),
        ("lrange", KEY + keys.GRANTED + "w1", 0, -1),
        ("zadd", KEY + keys.HEARTBEATS, 1, "w9"),
        ("lrange", f"{KEY}{keys.ENDED}cancelled:20240", 0, -1),
        ("rpush", f"{KEY}{keys.ENDED}accepted:20240", "letter"),
        ("rpop", QUEUE),
        ("lrange", QUEUE, 0, -1),
        ("subscribe", "/0.celeryev/*"),
        ("publish", "/0.celery.pidbox", "{}"),
    ],
    "worker": [("info",)],
    "operator": [("config", "set", "appendonly", "no")],
    "flower": [
        ("hgetall", KEY + "notification:letter"),
        ("zrange", KEY + keys.AGENDA, 0, -1),
        ("rpop", QUEUE),
        ("lpush", QUEUE, "a wake-up"),
    ],
    "metrics": [
        ("zrange", KEY + keys.DEAD, 0, -1),
        ("hgetall", KEY + "notification:letter"),
        ("hset", KEY + keys.COUNTS, "dead", 0),
        ("evalsha", "0" * 40, 0),
        ("script", "load", "return 1"),
        ("llen", QUEUE),
    ],
}
#: Of no user but the administrator: the server itself, other accounts, other programs' keys.
REFUSED_TO_ALL: list[tuple[Any, ...]] = [
    ("flushall",),
    ("flushdb",),
    ("keys", "*"),
    ("scan", 0),
    ("dbsize",),
    ("config", "set", "dir", "elsewhere"),
    ("acl", "list"),
    ("acl", "setuser", "me"),
    ("shutdown", "nosave"),
    ("monitor",),
    ("replicaof", "example.com", "6379"),
    ("eval", "return 1", 0),
    ("script", "flush"),
    ("client", "kill", "type", "normal"),
    ("get", "vn:{another}:sequence"),
    ("get", "vn:{shop-1.x-b}:sequence"),
    ("llen", f"{QUEUE}-b"),
    ("llen", "voice-notify.another"),
    ("get", "something"),
]


@pytest.mark.parametrize(
    ("user", "command"), [(user, command) for user in USERS for command in [*REFUSED_TO_ALL, *REFUSED[user]]]
)
def test_a_user_is_refused_what_is_not_its_business(
    as_user: Callable[[str], redis.Redis], user: str, command: tuple[Any, ...]
) -> None:
    """Redis refuses it for lack of a right, not for another reason."""
    with as_user(user) as client, pytest.raises(NoPermissionError):
        client.execute_command(*command)


def test_scripts_give_no_right_that_their_user_lacks(as_user: Callable[[str], redis.Redis]) -> None:
    """A producer may load a script of its own; that one reads no dead letters and deletes nothing either."""
    with as_user("producer") as client:
        for body in (
            f"return redis.call('ZRANGE', '{KEY}dead', 0, -1)",
            f"return redis.call('DEL', '{KEY}account')",
            f"return redis.call('SET', '{KEY}calls:13800138000', '')",
        ):
            digest = client.script_load(body)
            # Redis 7.0, and newer ones.
            with pytest.raises(redis.ResponseError, match=r"user executing the script can't|ACL failure in script"):
                client.evalsha(digest, 0)


def test_metrics_reads_what_it_counts(as_user: Callable[[str], redis.Redis]) -> None:
    """Counters, lengths and the first of the agenda: all that the exporter needs, and in one transaction."""
    with as_user("metrics") as client, client.pipeline() as pipe:
        for name in (keys.COUNTS, "totals", "day:20781", keys.ACCOUNT):
            pipe.hgetall(KEY + name)
        for name in (keys.AGENDA, keys.CALLING, keys.DEAD):
            pipe.zcount(KEY + name, "-inf", "+inf")
        pipe.zrangebyscore(KEY + keys.AGENDA, "-inf", "+inf", start=0, num=1, withscores=True)
        pipe.get(KEY + keys.CLOCK)
        pipe.zcount(KEY + keys.HEARTBEATS, 0, "+inf")
        pipe.get(KEY + "spent:20781")
        pipe.time()
        assert pipe.execute()[:7] == [{"dead": "1"}, {}, {}, {}, 1, 0, 1]


@pytest.mark.parametrize("user", ["worker", "operator", "producer"])
def test_a_producer_may_not_pause_the_account(server: RedisServer, user: str) -> None:
    """Workers do when the provider refuses all, operators by hand; a producer may not, and is told in one sentence."""
    ledger = connect(Settings(app_id=APP_ID, redis_url=SecretUrl(server.url_of(user))))
    with ledger.scripts.client:
        if user == "producer":
            assert ledger.account() is None
            with pytest.raises(NotAllowed, match="Redis does not let its user do that"):
                ledger.pause("a test")
        else:
            assert ledger.pause("a test")
            assert ledger.resume()


def test_a_right_that_is_missing_is_said_so(server: RedisServer) -> None:
    """Also where no script is in between."""
    ledger = connect(Settings(app_id=APP_ID, redis_url=SecretUrl(server.url_of("producer"))))
    with ledger.scripts.client, pytest.raises(NotAllowed, match="Redis does not let its user do that"):
        DeadLetters(ledger.scripts).count()


def test_an_operator_may_ask_how_the_server_is(as_user: Callable[[str], redis.Redis]) -> None:
    """`voice-notify doctor` does."""
    with as_user("operator") as client:
        assert "redis_version" in client.info()


def test_an_operator_may_end_an_endless_script(as_user: Callable[[str], redis.Redis]) -> None:
    """While it runs, Redis serves nobody, and calls stand still."""
    with pytest.raises(redis.ResponseError, match="No scripts in execution"):
        as_user("operator").script_kill()
    with pytest.raises(redis.exceptions.NoPermissionError):
        as_user("producer").script_kill()


def test_what_scripts_wrote_outlives_a_kill(tmp_path: Path) -> None:
    """Redis reads its append-only file as the user `default`; with too few rights it would drop every transaction."""
    with run_redis_server(tmp_path, users_of=APP_ID) as server:
        made = connect(Settings(app_id=APP_ID, redis_url=SecretUrl(server.url_of("producer"))))
        with made.scripts.client:
            made.submit(build_notification("13800138000", "453662", ("a", "b"), templates={}, id="kept"))
            server.kill()
            server.start()
            assert made.record("kept").mobile == "13800138000"


def _granted(user: str) -> set[str]:
    """The commands of a user's own lines of the template, those of its selectors aside."""
    template = (DEPLOY / "redis-users.acl.in").read_text(encoding="utf-8")
    text = template.partition(f"\nuser {user} ")[2].partition("\nuser ")[0]
    return set(re.findall(r"\s\+([a-z|]+)", re.sub(r"\(.*?\)", "", text)))


@pytest.mark.parametrize("user", ["worker", "operator"])
def test_every_command_of_the_scripts_is_allowed(user: str) -> None:
    """A script that learns a new command needs a new word in the ACL file, or it fails where it is deployed."""
    texts = [path.read_text(encoding="utf-8") for path in LUA.rglob("*.lua")]
    commands = {name.lower() for text in texts for name in re.findall(r"redis\.p?call\('([A-Z]+)'", text)}
    assert {"hset", "zadd", "pexpire"} <= commands
    assert commands - _granted(user) == set()


def test_make_secrets_keeps_what_is_there(tmp_path: Path) -> None:
    """Run again it changes no password; a deleted URL gets a new one, and no other user is touched."""

    def make() -> dict[str, str]:
        command = [MAKE_SECRETS, APP_ID, str(tmp_path / "secrets"), "rediss://redis.example:6380"]
        done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - the project's own
        files = {path.name: path.read_text(encoding="ascii") for path in (tmp_path / "secrets").iterdir()}
        for name, text in files.items():
            assert text not in done.stdout, f"{name} was printed"
        return files

    first = make()
    assert re.fullmatch(r"rediss://worker:[0-9a-f]{48}@redis\.example:6380/0\n", first["redis-url-worker"])
    assert make() == first
    (tmp_path / "secrets" / "redis-url-worker").unlink()
    second = make()
    assert {name for name in first if first[name] != second[name]} == {"redis-url-worker", "redis-users.acl"}
    assert (tmp_path / "secrets").stat().st_mode & 0o077 == 0
    lines = {name: files["redis-users.acl"].splitlines() for name, files in (("first", first), ("second", second))}
    assert len(set(lines["first"]) ^ set(lines["second"])) == 2


def test_make_secrets_refuses_an_account_that_no_setting_takes(tmp_path: Path) -> None:
    """An id with another character would become a pattern, or a command of sed."""
    command = [MAKE_SECRETS, "shop*", str(tmp_path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - the project's own
    assert (done.returncode, list(tmp_path.iterdir())) == (2, [])


def test_redis_writes_down_before_it_answers_and_never_forgets(as_user: Callable[[str], redis.Redis]) -> None:
    """G2 and G1 stand on these three; they are read back from the server, not from the file."""
    wanted = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction"}
    with as_user("operator") as client:
        assert {name: client.config_get(name)[name] for name in wanted} == wanted
