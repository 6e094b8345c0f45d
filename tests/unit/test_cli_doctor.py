"""`voice-notify doctor`: a finding for each check, and what to do."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.support.account import REFUSED
from tests.support.cli import SECRET, Cli, command_line
from tests.support.clock import DAY
from tests.support.redis_server import RedisServer
from voice_notify.celery import app
from voice_notify.cli.operate import doctor_checks
from voice_notify.documents.doctor import Level
from voice_notify.errors import StoreUnavailable
from voice_notify.ledger.redis_server import Inspection, inspect
from voice_notify.ledger.scripts import Scripts
from voice_notify.settings import Settings

WELL = Inspection((7, 2, 4), "noeviction", appendonly=True, appendfsync="everysec", clock_ahead_ms=3)


@contextmanager
def answering(answer: bytes) -> Iterator[int]:
    """A port of the loopback where someone takes a connection, says `answer`, and closes it."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def take() -> None:
            with server.accept()[0] as connection:
                connection.sendall(answer)

        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        thread.join(timeout=10)


@contextmanager
def doctor(
    monkeypatch: pytest.MonkeyPatch,
    found: Inspection | StoreUnavailable = WELL,
    **settings: Any,  # noqa: ANN401 - text
) -> Iterator[Cli]:
    """A command line where all is well but for what a test changes: Redis says `found`."""

    def say(_: Settings) -> Inspection:
        if isinstance(found, Inspection):
            return found
        raise found

    monkeypatch.setattr(doctor_checks, "inspect", say)
    monkeypatch.setattr(app, "connection_for_write", lambda **_: app.amqp.Connection("memory://"))
    with socket.create_server(("127.0.0.1", 0)) as provider:
        provided = {"base_url": f"http://127.0.0.1:{provider.getsockname()[1]}/v2"}
        with command_line(monkeypatch, **provided | settings) as cli:
            yield cli


def findings(cli: Cli) -> dict[str, Any]:
    """What was found, by check."""
    return {each["check"]: each for each in cli.json("doctor")["checks"]}


def words(text: str) -> list[str]:
    """Each line with single spaces: columns are the rendering's business."""
    return [" ".join(line.split()) for line in text.splitlines()]


def test_where_all_is_well_each_check_is_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where all is well each check is a line that says ok, and the exit code is 0."""
    with doctor(monkeypatch) as cli:
        monkeypatch.setattr(cli.account.ledger, "workers", lambda: ["celery@one"])
        result, found = cli.run("doctor"), findings(cli)
    assert result.exit_code == 0
    assert [*found] == [
        *("settings", "secret", "templates", "redis", "redis memory", "redis persistence"),
        *("clock", "account", "workers", "dead letters", "tls", "broker", "provider"),
    ]
    assert words(result.stdout) == [f"ok {each['check']} {each['text']}" for each in found.values()]
    assert SECRET not in result.stdout


@pytest.mark.parametrize(
    ("change", "check", "level", "advice"),
    [
        ({"version": (6, 0, 16)}, "redis", "FAILED", "6.2 or newer"),
        ({"version": (6, 2)}, "redis", "ok", ""),
        ({"maxmemory_policy": "allkeys-lru"}, "redis memory", "FAILED", "noeviction"),
        ({"maxmemory_policy": None}, "redis memory", "warning", "noeviction"),
        ({"appendonly": False}, "redis persistence", "warning", "appendonly yes"),
        ({"appendonly": None}, "redis persistence", "warning", "appendonly yes"),
        ({"appendfsync": "no"}, "redis persistence", "warning", "appendfsync everysec"),
        ({"appendfsync": "always"}, "redis persistence", "ok", ""),
        ({"appendfsync": None}, "redis persistence", "ok", ""),
        ({"memory_used": 80, "memory_limit": 100}, "redis memory", "ok", ""),
        ({"memory_used": 81, "memory_limit": 100}, "redis memory", "warning", "raise maxmemory"),
        ({"memory_used": 81, "memory_limit": 0}, "redis memory", "ok", ""),
        ({"failed_writes": ("append-only file",)}, "redis persistence", "FAILED", "look at its log and its disk"),
        ({"is_replica": True}, "redis replicas", "FAILED", "the primary"),
        ({"replicas": 2}, "redis replicas", "ok", ""),
        ({"replicas": 2, "replicas_behind": 1}, "redis replicas", "warning", "look at the replicas"),
        ({"clock_ahead_ms": 1000}, "clock", "ok", ""),
        ({"clock_ahead_ms": 1001}, "clock", "warning", "NTP"),
        ({"clock_ahead_ms": -1001}, "clock", "warning", "NTP"),
    ],
    ids=str,
)
def test_a_redis_that_could_lose_notifications_is_found_out(
    monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], check: str, level: str, advice: str
) -> None:
    """A server that could lose notifications, or is too old, is found out, with what to do."""
    with doctor(monkeypatch, replace(WELL, **change)) as cli:
        found = findings(cli)[check]
    assert found["level"] == level
    assert advice in found["advice"]
    assert bool(found["advice"]) == (level != "ok")


def test_without_redis_only_what_needs_none_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """An unreachable Redis is one line without its password; what needs it, or is it, is not looked at."""
    with doctor(monkeypatch, StoreUnavailable("refused"), redis_url="redis://:pa55word@127.0.0.1:1/0") as cli:
        result, found = cli.run("doctor"), findings(cli)
    assert result.exit_code == 1
    assert found.keys() == {"settings", "secret", "templates", "redis", "tls", "provider"}
    assert "FAILED redis redis://:***@127.0.0.1:1/0: refused" in words(result.stdout)
    assert "→ start Redis, or correct VOICE_NOTIFY_REDIS_URL" in words(result.stdout)
    assert "pa55word" not in result.output


def test_a_broker_of_its_own_is_checked_without_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that is not the Redis of the ledger is looked at, whether that Redis is reached or not."""
    with doctor(monkeypatch, StoreUnavailable("refused"), broker_url="amqp://u:pa55word@127.0.0.1:5672//") as cli:
        found = findings(cli)
    assert (found["broker"]["level"], found["broker"]["text"]) == ("ok", "amqp://u:***@127.0.0.1:5672//")


def test_a_broker_out_of_reach_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """An unreachable broker is a finding, not an error, and soon."""
    with doctor(monkeypatch) as cli:
        monkeypatch.setattr(app, "connection_for_write", lambda **_: app.amqp.Connection("amqp://127.0.0.1:1//"))
        found = findings(cli)
    assert found["broker"]["level"] == "FAILED"
    assert "Connection refused" in found["broker"]["text"]


def test_bad_settings_are_the_only_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bad settings are told, and are all that is."""
    with doctor(monkeypatch) as cli:
        monkeypatch.setenv("VOICE_NOTIFY_MAX_CALLS", "0")
        result = cli.run("doctor", "--json")
        found = findings(cli)
    assert result.exit_code == 1
    assert found.keys() == {"settings"}
    assert found["settings"]["text"].startswith("max_calls = '0'")


def test_a_missing_secret_is_a_failure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A secret that is not there is a failure."""
    with doctor(monkeypatch) as cli:
        monkeypatch.delenv("VOICE_NOTIFY_APP_SECRET")
        assert findings(cli)["secret"]["level"] == "FAILED"
    with doctor(monkeypatch) as cli:
        monkeypatch.delenv("VOICE_NOTIFY_APP_SECRET")
        monkeypatch.setenv("VOICE_NOTIFY_APP_SECRET_FILE", str(tmp_path / "absent"))
        assert "absent" in findings(cli)["secret"]["text"]


@pytest.mark.parametrize(("mode", "level"), [(0o600, "ok"), (0o640, "ok"), (0o644, "warning")], ids=str)
def test_a_secret_that_everybody_may_read_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mode: int, level: str
) -> None:
    """A file with the secret that every user of the host may read is a warning, with the command that puts it right."""
    file = tmp_path / "secret"
    file.write_text("x", encoding="utf-8")
    file.chmod(mode)
    with doctor(monkeypatch, app_secret="", app_secret_file=str(file)) as cli:
        found = findings(cli)["secret"]
    assert found["level"] == level
    assert found["advice"] == (f"chmod o-rwx {file}" if level == "warning" else "")


@pytest.mark.parametrize(
    ("text", "level"),
    [('[templates.1]\ntext = "字"', "ok"), ('[templates.1]\ntext = "{2}"', "FAILED"), ("", "warning")],
)
def test_bad_templates_are_a_failure_and_none_a_warning(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, level: str
) -> None:
    """A templates file that cannot be used is a failure, and none at all a warning."""
    file = tmp_path / "templates.toml"
    file.write_text(text, encoding="utf-8")
    with doctor(monkeypatch, templates_file=str(file)) as cli:
        assert findings(cli)["templates"]["level"] == level


@pytest.mark.parametrize(
    ("settings", "level"),
    [
        ({"redis_url": "redis://127.0.0.1/0"}, "ok"),
        ({"redis_url": "redis:///0"}, "ok"),
        ({"redis_url": "rediss://redis.example/0"}, "ok"),
        ({"redis_url": "unix:///run/redis.sock"}, "ok"),
        ({"redis_url": "redis://redis.example/0"}, "warning"),
        ({"broker_url": "amqp://rabbit.example//"}, "warning"),
        ({"broker_url": "amqps://a.example//"}, "ok"),
        ({"redis_url": "rediss://redis.example/0?ssl_cert_reqs=required"}, "ok"),
        ({"redis_url": "rediss://redis.example/0?ssl_cert_reqs=none"}, "warning"),
        ({"redis_url": "rediss://redis.example/0?ssl_check_hostname=false"}, "warning"),
    ],
    ids=str,
)
def test_a_connection_without_verified_tls_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], level: str
) -> None:
    """A connection that leaves this host without TLS, or without a look at the certificate, is a warning."""
    with doctor(monkeypatch, **settings) as cli:
        assert findings(cli)["tls"]["level"] == level


def test_no_worker_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a worker nothing is called: a warning with the command that starts one."""
    with doctor(monkeypatch) as cli:
        found = findings(cli)["workers"]
    assert (found["level"], found["advice"]) == ("warning", "start one: celery -A voice_notify worker")


def test_a_paused_account_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    """A paused account is a warning with its reason."""
    with doctor(monkeypatch) as cli:
        cli.account.ledger.pause("wrong text")
        found = findings(cli)["account"]
    assert found["level"] == "warning"
    assert "wrong text" in found["text"]


def test_dead_letters_that_are_soon_deleted_are_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    """In time to export or to replay them."""
    with doctor(monkeypatch) as cli:
        monkeypatch.setattr(Scripts, "now_ms", lambda _: cli.account.clock.now)
        cli.account.configure(dead_retention_ms=90 * DAY)
        cli.bury(old=REFUSED)
        cli.account.clock.advance(84 * DAY)
        cli.bury(young=REFUSED)
        found = findings(cli)["dead letters"]
    assert (found["level"], found["text"]) == ("warning", "1 of 2 are deleted within 7 d (dead_retention)")
    assert "voice-notify dlq export" in found["advice"]


def test_a_provider_out_of_reach_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider that does not answer is a failure."""
    with doctor(monkeypatch) as cli:
        monkeypatch.setenv("VOICE_NOTIFY_BASE_URL", "http://127.0.0.1:1/v2")
        found = findings(cli)["provider"]
    assert found["level"] == "FAILED"
    assert "127.0.0.1:1" in found["text"]


def test_the_provider_is_never_asked_for_a_call() -> None:
    """The check of the provider connects, and sends not a byte."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        base_url = f"http://127.0.0.1:{server.getsockname()[1]}/v2"
        found = doctor_checks.check_provider(Settings(app_id="test", base_url=base_url))
        with server.accept()[0] as connection:
            assert connection.recv(1000) == b""
    assert found.level is Level.OK


def test_a_provider_that_does_not_speak_tls_is_a_failure() -> None:
    """Where https is configured, a server that does not speak TLS is a failure."""
    with answering(b"HTTP/1.1 200 OK\r\n\r\n") as port:
        found = doctor_checks.check_provider(Settings(app_id="test", base_url=f"https://127.0.0.1:{port}/v2"))
    assert found.level is Level.FAILED


def test_a_real_server_is_inspected(redis_server: RedisServer) -> None:
    """A real server tells its version, its policy, its persistence and its clock."""
    found = inspect(Settings(app_id="test", redis_url=redis_server.url))
    assert found.version >= (6, 2)
    assert (found.maxmemory_policy, found.appendonly, found.appendfsync) == ("noeviction", False, "always")
    assert abs(found.clock_ahead_ms) < 1000
    assert found.memory_used
    assert (found.memory_limit, found.failed_writes) == (0, ())
    assert (found.is_replica, found.replicas, found.replicas_behind) == (False, 0, 0)


def test_failed_writes_and_lagging_replicas_are_inspected(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a server says of failed writes and of its replicas is understood."""
    info = redis.Redis.info

    def ill(client: redis.Redis) -> Any:  # noqa: ANN401 - redis-py's
        slaves = {"connected_slaves": 2, "slave0": {"state": "online"}, "slave1": {"state": "wait_bgsave"}}
        return {**info(client), **slaves, "aof_last_write_status": "err", "rdb_last_bgsave_status": "err"}

    monkeypatch.setattr(redis.Redis, "info", ill)
    found = inspect(Settings(app_id="test", redis_url=redis_server.url))
    assert found.failed_writes == ("append-only file", "snapshot")
    assert (found.replicas, found.replicas_behind) == (2, 1)


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"], ids=["closed", "not Redis"])
def test_what_is_not_redis_is_unavailable(answer: bytes) -> None:
    """A port where no Redis listens is `StoreUnavailable`, whatever it says."""
    with answering(answer) as port, pytest.raises(StoreUnavailable):
        inspect(Settings(app_id="test", redis_url=f"redis://127.0.0.1:{port}/0"))
