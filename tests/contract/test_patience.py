"""A Redis that does not answer is told of in time, whatever it does instead."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.redis_server import run_redis_server
from voice_notify.domain.notification import build_notification
from voice_notify.errors import StoreUnavailable
from voice_notify.ledger.connect import connect
from voice_notify.ledger.ledger import Ledger, Wakeup
from voice_notify.settings import SecretUrl, Settings

STORE_TIMEOUT = 0.5
#: Before there was one limit, this took sixteen times as long.
TOO_LONG = 3 * STORE_TIMEOUT
ONE = build_notification("13800138000", "453662", ["a", "b"], id="a", templates={})


def ledger_at(url: str) -> Ledger:
    """The ledger of an account on that server."""
    return connect(Settings(app_id="a", redis_url=SecretUrl(url), store_timeout=STORE_TIMEOUT))


@contextmanager
def in_time() -> Iterator[None]:
    """The operation raises `StoreUnavailable` in time."""
    began = time.monotonic()
    with pytest.raises(StoreUnavailable):
        yield
    assert time.monotonic() - began < TOO_LONG


def test_a_server_that_accepts_and_never_answers() -> None:
    """Each operation ends in time: one command, several in one round trip, a look at the clock."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        ledger = ledger_at(f"redis://127.0.0.1:{server.getsockname()[1]}/0")
        with in_time():
            ledger.submit(ONE)
        with in_time():
            ledger.submit_many([ONE._replace(id=f"n{number}") for number in range(200)])
        with in_time():
            ledger.counts()
        with in_time():
            ledger.scripts.now_ms()


def test_a_server_that_stops_answering(tmp_path: Path) -> None:
    """With connections that were used before; when it answers again, all is well."""
    with run_redis_server(tmp_path) as server:
        ledger = ledger_at(server.url)
        ledger.submit(ONE)
        ledger.scripts.now_ms()
        server.send_signal(signal.SIGSTOP)
        try:
            with in_time():
                ledger.submit(ONE)
            with in_time():
                ledger.scripts.now_ms()
        finally:
            server.send_signal(signal.SIGCONT)
        assert ledger.submit(ONE).duplicate


def test_a_listener_outlasts_its_own_patience(tmp_path: Path) -> None:
    """To wait for a wake-up is no outage: it waits for less long than a reply may take."""
    with run_redis_server(tmp_path) as server:
        assert ledger_at(server.url).wait_for_wakeup([Wakeup.URGENT], 3) is None
