"""`voice-notify health`: what a container's health check asks."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.support.cli import Cli, command_line
from voice_notify.errors import StoreUnavailable


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cli]:
    """The command line on an account of its own, whose clock stands at this moment: workers are heard in real time."""
    with command_line(monkeypatch) as line:
        line.account.clock.set(time.time_ns() // 1_000_000)
        yield line


def test_a_worker_of_this_host_is_enough(cli: Cli) -> None:
    """Every container and pod has a host name of its own: a worker of another says nothing about this one's."""
    cli.account.sweep(worker="celery@elsewhere")
    assert cli.run("health").exit_code == 1
    cli.account.sweep(worker=f"celery@{socket.gethostname()}")
    assert cli.lines("health") == [f"heard: celery@{socket.gethostname()}"]


def test_a_worker_by_its_name(cli: Cli) -> None:
    """Where several run on one host, each is asked for by its name."""
    cli.account.sweep(worker="one@here")
    assert cli.run("health", "--worker", "one@here").exit_code == 0
    result = cli.run("health", "--worker", "two@here")
    assert (result.exit_code, result.stdout) == (1, "not heard: two@here\n")


def test_a_worker_that_fell_silent_is_not_healthy(cli: Cli) -> None:
    """Its heartbeat has to be heard again and again."""
    cli.account.clock.advance(-cli.account.ledger.rules.worker_ttl_ms)
    cli.account.sweep(worker="one@here")
    assert cli.run("health", "--worker", "one@here").exit_code == 1


def test_an_outage_of_redis_restarts_no_worker(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """A health check that fails then would have every worker killed, which helps nobody."""

    def unreachable() -> list[str]:
        raise StoreUnavailable("connection refused")

    monkeypatch.setattr(cli.account.ledger, "workers", unreachable)
    assert cli.lines("health") == ["not known: connection refused"]


def test_health_loads_neither_celery_nor_the_client() -> None:
    """It runs every few seconds on each worker's host: neither Celery nor the provider's client is loaded for it."""
    code = (
        "import sys, voice_notify.cli.operate.health as _; print({'celery', 'kombu', 'requests'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)  # noqa: S603
    assert done.stdout == "set()\n"
