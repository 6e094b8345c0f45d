"""One reading of all counters, by way of what the scripts write."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from datetime import date
from typing import Any, Self

import pytest
import redis

from tests.support.account import (
    ACCEPTED,
    GAP,
    MAINTENANCE,
    MOBILE,
    NO_BALANCE,
    REFUSED,
    UNCONFIRMED,
    Account,
    other_number,
)
from tests.support.clock import DAY, SECOND
from voice_notify.domain.states import State
from voice_notify.errors import StoreUnavailable
from voice_notify.ledger import keys
from voice_notify.ledger.connect import connect
from voice_notify.ledger.statistics import Counters, Statistics
from voice_notify.settings import SecretUrl, Settings


@pytest.fixture
def statistics(account: Account, monkeypatch: pytest.MonkeyPatch) -> Statistics:
    """The counters, on the clock of the scripts."""
    monkeypatch.setattr(account.ledger.scripts.__class__, "now_ms", lambda _: account.clock.now)
    return Statistics(account.ledger)


def seen(counters: Counters) -> dict[str, Any]:
    """What was counted, but for times."""
    return {
        name: value
        for name in ("submitted", "replayed", "attempts", "finals", "units", "unsure_units", "deferred")
        if (value := getattr(counters, name))
    }


def test_an_unused_account_has_zeros_and_no_times(statistics: Statistics) -> None:
    """An account that was never used has zeros, and no times."""
    snapshot = statistics.read(days=2)
    assert seen(snapshot.totals) == {}
    assert [seen(day.counters) for day in snapshot.days] == [{}, {}]
    assert (snapshot.due, snapshot.oldest_due_ms, snapshot.workers, snapshot.spent) == (0, 0, 0, 0)
    assert set(snapshot.states.values()) == {0}
    assert snapshot.totals.lateness.quantile_ms(0.5) is None


def test_what_happened_is_counted_under_what_it_was(account: Account, statistics: Statistics) -> None:
    """Attempts, final states, units and deferred calls."""
    account.call(account.submit(id="n1"))
    account.submit(id="n2")
    account.client.zadd(account.prefix + keys.AGENDA, {MOBILE: account.clock.now})  # before its time
    assert account.begin("n2") is None
    account.call(account.submit(other_number(1)), REFUSED)
    account.call(account.submit(other_number(2), on_unconfirmed="dead_letter"), UNCONFIRMED)
    assert seen(statistics.read().totals) == {
        "submitted": 4,
        "attempts": {("accepted", "200"): 1, ("refused", "400"): 1, ("unconfirmed", "read-timeout"): 1},
        "finals": {("accepted", "placed"): 1, ("dead", "refused"): 1, ("dead", "unconfirmed"): 1},
        "units": {"453662": 1},
        "unsure_units": {"453662": 1},
        "deferred": {"gap": 1},
    }


def test_each_day_has_only_what_happened_on_it(account: Account, statistics: Statistics) -> None:
    """What happened on a day is that day's alone: days without any change between them count for nothing."""
    account.call(account.submit())
    account.clock.advance(2 * DAY)
    account.call(account.submit(other_number(1)), REFUSED)
    account.clock.advance(DAY)
    account.submit(other_number(2))
    days = statistics.read(days=5).days
    assert [day.day for day in days] == [date(2025, 6, 4 - ago) for ago in range(4)] + [date(2025, 5, 31)]
    assert [seen(day.counters) for day in days] == [
        {"submitted": 1},
        {"submitted": 1, "attempts": {("refused", "400"): 1}, "finals": {("dead", "refused"): 1}},
        {},
        {
            "submitted": 1,
            "attempts": {("accepted", "200"): 1},
            "finals": {("accepted", "placed"): 1},
            "units": {"453662": 1},
        },
        {},
    ]


def test_the_levels_are_those_of_the_moment(account: Account, statistics: Statistics) -> None:
    """The levels of this moment: who waits and why, what is in flight, what is due and for how long, what was spent."""
    account.call(account.submit(other_number(1)), MAINTENANCE)
    account.granted(account.submit(other_number(2)))
    account.sweep(worker="w1")
    account.submit(other_number(3))
    account.clock.advance(SECOND)
    found = statistics.read()
    assert found.waiting == {"backoff": 1, "new": 1}
    assert (found.states[State.WAITING], found.states[State.CALLING], found.in_flight) == (2, 1, 1)
    assert (found.due, found.oldest_due_ms) == (1, SECOND)
    assert (found.workers, found.spent, found.pause) == (1, 1, None)


def test_a_worker_not_heard_of_is_not_counted(account: Account, statistics: Statistics) -> None:
    """A worker that was not heard of for its time is not counted."""
    account.sweep(worker="w1")
    account.clock.advance(account.ledger.rules.worker_ttl_ms + 1)
    assert statistics.read().workers == 0


def test_a_pause_is_told_with_its_reason(account: Account, statistics: Statistics) -> None:
    """A pause is one of the levels."""
    account.call(account.submit(), NO_BALANCE)
    pause = statistics.read().pause
    assert pause is not None
    assert pause.reason == "603"


def test_each_day_begins_with_nothing_spent(account: Account, statistics: Statistics) -> None:
    """Each day of the provider begins with nothing spent."""
    account.call(account.submit())
    assert statistics.read().spent == 1
    account.clock.advance(DAY)
    assert statistics.read().spent == 0


def test_lateness_counts_from_when_the_windows_allowed_the_call(account: Account, statistics: Statistics) -> None:
    """Lateness is counted from when the windows allowed the call."""
    account.call(account.submit(id="n1"), ACCEPTED, takes=0)
    account.submit(id="n2")
    account.clock.advance(GAP + 3 * SECOND)
    account.granted("n2")
    lateness = statistics.read().totals.lateness
    assert (lateness.total, lateness.sum_ms, lateness.worst_ms) == (2, 3 * SECOND, 5 * SECOND)
    assert lateness.share_within(1000) == 0.5


def test_an_emptied_redis_makes_no_difference_negative(account: Account, statistics: Statistics) -> None:
    """What happened between two readings is never less than nothing."""
    account.call(account.submit())
    account.submit()
    before = statistics.read()
    account.client.flushdb()
    account.clock.set(account.clock.now)
    account.submit()
    assert (statistics.read().totals - before.totals).fields["submitted"] == 0


def test_an_unreachable_redis_is_an_error_of_ours(
    account: Account, statistics: Statistics, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Redis that is away is an error of this package."""

    def pipeline() -> None:
        raise redis.ConnectionError("refused")

    monkeypatch.setattr(account.client, "pipeline", pipeline)
    with pytest.raises(StoreUnavailable):
        statistics.read()


@pytest.mark.parametrize("patient", [True, False])
def test_a_reading_for_a_scrape_tries_once(*, patient: bool) -> None:
    """Prometheus does not wait for more; a person does."""
    with HangingUp() as server:
        ledger = connect(Settings(app_id="test", redis_url=SecretUrl(server.url)))
        with ledger.scripts.client, pytest.raises(StoreUnavailable):
            Statistics(ledger, patient=patient).read()
    assert (server.calls == 1) is not patient


class HangingUp:
    """Listens where Redis should, and hangs up on everyone."""

    def __init__(self) -> None:
        self.calls = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._run)
        self.url = f"redis://127.0.0.1:{self._listener.getsockname()[1]}/0"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _run(self) -> None:
        with suppress(OSError):  # of the end
            while True:
                self._listener.accept()[0].close()
                self.calls += 1
