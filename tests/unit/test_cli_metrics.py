"""`voice-notify metrics`: the counters for Prometheus."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING
from urllib.request import urlopen

import pytest
import redis

from tests.support.cli import Cli, command_line
from tests.support.worker import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator


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

    def pipeline() -> None:
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


def test_a_scrape_is_answered_without_redis_until_sigterm() -> None:
    """A scrape is answered while Redis is away, and SIGTERM ends the server well."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("VOICE_NOTIFY_")},
        "VOICE_NOTIFY_APP_ID": "test",
        "VOICE_NOTIFY_REDIS_URL": "redis://127.0.0.1:1/0",
    }
    command = [sys.executable, "-c", "from voice_notify.cli import main; main()", "metrics", "--port", "0"]
    with subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:  # noqa: S603
        try:
            assert server.stdout is not None
            address = server.stdout.readline().split()[-1]
            with urlopen(address, timeout=10) as reply:  # noqa: S310 - of loopback
                assert reply.status == 200
                assert "voice_notify_up 0.0" in reply.read().decode().splitlines()
            server.send_signal(signal.SIGTERM)
            assert server.wait(10) == 0
        finally:
            server.kill()
