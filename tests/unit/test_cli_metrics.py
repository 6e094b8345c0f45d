"""`voice-notify metrics`: the counters for Prometheus."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.request import urlopen

import pytest
import redis

from tests.support.cli import Cli, command_line, sigint
from tests.support.interpreter import without_settings
from tests.support.worker import ROOT


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cli]:
    with command_line(monkeypatch, daily_budget="100") as cli:
        yield cli


def test_once_prints_the_metrics(cli: Cli) -> None:
    """The metrics are printed as Prometheus reads them."""
    cli.account.call(cli.account.submit())
    printed = cli.run("metrics", "--once")
    assert printed.exit_code == 0
    assert 'voice_notify_attempts_total{code="200",kind="accepted"} 1.0' in printed.stdout.splitlines()
    assert "voice_notify_daily_budget_units 100.0" in printed.stdout.splitlines()


def test_once_fails_without_redis(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Redis they say so, and the command has failed."""

    def pipeline(**_: object) -> None:
        raise redis.ConnectionError("refused")

    monkeypatch.setattr(cli.account.client, "pipeline", pipeline)
    printed = cli.run("metrics", "--once")
    assert printed.exit_code == 1
    assert printed.stdout.splitlines()[-1] == "voice_notify_up 0.0"


def test_a_port_in_use_is_one_line(cli: Cli) -> None:
    """A port that is in use is an error on one line."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = cli.run("metrics", "--port", str(taken.getsockname()[1]))
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: cannot listen on 127.0.0.1:")


@contextmanager
def serving() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command as a process of its own, without a Redis, and its address."""
    environment = {
        **without_settings(),
        "VOICE_NOTIFY_APP_ID": "test",
        "VOICE_NOTIFY_REDIS_URL": "redis://127.0.0.1:1/0",
    }
    command = [sys.executable, "-c", "from voice_notify.cli import main; main()", "metrics", "--port", "0"]
    with subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:  # noqa: S603
        try:
            assert server.stdout is not None
            yield server, server.stdout.readline().split()[-1]
        finally:
            server.kill()


def scrape(address: str) -> list[str]:
    with urlopen(address, timeout=10) as reply:  # noqa: S310 - of loopback
        assert reply.status == 200
        return list(reply.read().decode().splitlines())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_scrape_is_answered_without_redis_until_a_signal(number: signal.Signals) -> None:
    """A scrape is answered while Redis is away, and SIGTERM or Ctrl-C ends the server well."""
    with sigint(signal.default_int_handler), serving() as (server, address):
        assert "voice_notify_up 0.0" in scrape(address)
        server.send_signal(number)
        assert server.wait(10) == 0


def test_ctrl_c_leaves_a_server_in_the_background_alone() -> None:
    """A script's background job ignores the Ctrl-C that ends the script."""
    with sigint(signal.SIG_IGN), serving() as (server, address):
        scrape(address)
        server.send_signal(signal.SIGINT)
        scrape(address)
        assert server.poll() is None
