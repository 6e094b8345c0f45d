"""The calls of one process: it takes what is next when a slot comes free, and whatever becomes of a call, frees it."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator, Sequence
from unittest.mock import Mock

import pytest

from tests.support.sandbox import PATIENCE_SECONDS, eventually
from voice_notify.delivery import dispatcher
from voice_notify.delivery.calls import Calls
from voice_notify.delivery.monitor import Monitor
from voice_notify.delivery.timestamps import Timestamps
from voice_notify.domain.notification import OnUnconfirmed
from voice_notify.domain.outcome import Kind, Outcome
from voice_notify.domain.retry import Attempt, RetryPolicy
from voice_notify.domain.states import State
from voice_notify.errors import StoreUnavailable
from voice_notify.ledger.ledger import Grant, Granted, Settlement, Wakeup
from voice_notify.provider.client import Call

POLICY = RetryPolicy(6, 2, 300, OnUnconfirmed.RESEND, 2)
SOON_S = 0.05


class FakeLedger:
    """Has an order of calls, and remembers what it was asked. What is to be granted starts with `!` where urgent."""

    def __init__(self) -> None:
        self.due: list[str] = []
        self.failures = 0  #: the next so many requests are granted, and their replies lost
        self.requests: list[tuple[int, int, int]] = []
        self.settled: list[Settlement] = []
        self.wakeups: queue.Queue[Wakeup] = queue.Queue()
        self.heard: list[list[Wakeup]] = []
        self.passed_on: list[Wakeup] = []
        self._granted: dict[int, tuple[str, ...]] = {}
        self._lock = threading.Lock()

    def add(self, *ids: str) -> None:
        """Let these be due, without waking anybody."""
        with self._lock:
            self.due += ids

    def grant(self, most: int, *, ordinary: int, process: str, request: int) -> Granted:  # noqa: ARG002
        """The next that there is room for; the same again for a request that is repeated."""
        with self._lock:
            self.requests.append((most, ordinary, request))
            if request not in self._granted:
                urgent = [id_ for id_ in self.due if id_.startswith("!")][:most]
                others = [id_ for id_ in self.due if id_ not in urgent][: min(ordinary, most - len(urgent))]
                self._granted[request] = (*urgent, *others)
                self.due = [id_ for id_ in self.due if id_ not in self._granted[request]]
            if self.failures:
                self.failures -= 1
                raise StoreUnavailable("Redis is away")
            grants = tuple(
                Grant(id_, "token", "13800138000", "1", (), Attempt(1, 0), 0, 0, send_within_ms=60_000)
                for id_ in self._granted[request]
            )
            return Granted(grants, (), (), None)

    def wait_for_wakeup(self, kinds: Sequence[Wakeup], seconds: float) -> Wakeup | None:
        """One of them, if it comes in time."""
        self.heard.append(list(kinds))
        try:
            return self.wakeups.get(timeout=min(seconds, SOON_S))
        except queue.Empty:
            return None

    def wake(self, kind: Wakeup) -> None:
        """Remember it."""
        self.passed_on.append(kind)

    def settle(self, settlements: Sequence[Settlement]) -> list[State]:
        """Remember them."""
        self.settled += settlements
        return [State.ACCEPTED for _ in settlements]

    @property
    def ended(self) -> list[str]:
        """The ids of the calls that were settled."""
        return [each.id for each in self.settled]


class HangingProvider:
    """Answers when the test lets it, or fails."""

    def __init__(self) -> None:
        self.answers = threading.Event()
        self.faults = 0  #: the next so many calls fail
        self.on_the_wire = 0

    def place_call(self, call: Call, *, timestamp_ms: int, send_by: float) -> Outcome:  # noqa: ARG002
        """Wait, then accept."""
        if self.faults:
            self.faults -= 1
            raise RuntimeError("a fault of ours")
        self.on_the_wire += 1
        assert self.answers.wait(PATIENCE_SECONDS)
        return Outcome(Kind.ACCEPTED, "200")

    def close(self) -> None:
        """Nothing to close."""


@pytest.fixture
def ledger(monkeypatch: pytest.MonkeyPatch) -> FakeLedger:
    """A ledger, and a dispatcher that is not patient with its troubles."""
    monkeypatch.setattr(dispatcher, "_PAUSE_AFTER_TROUBLE_S", 0.01)
    return FakeLedger()


@pytest.fixture
def provider() -> Iterator[HangingProvider]:
    hanging = HangingProvider()
    yield hanging
    hanging.answers.set()


def calls_of(
    ledger: FakeLedger,
    provider: HangingProvider,
    slots: int,
    reserved: int = 0,
    *,
    stopping: threading.Event | None = None,
) -> Calls:
    """The calls of a process, which begins."""
    told_to_stop = stopping or threading.Event()
    calls = Calls(
        ledger,  # type: ignore[arg-type] # a fake
        provider,
        POLICY,
        Mock(spec=Monitor),
        Timestamps(),
        in_flight=slots,
        reserved=reserved,
        stopping=told_to_stop.is_set,
    )
    calls.start()
    return calls


def test_no_more_begin_than_there_are_slots(ledger: FakeLedger, provider: HangingProvider) -> None:
    """What does not begin stays in the ledger, for whoever has a slot; the next begin as calls end."""
    ledger.add("a", "b", "c", "d")
    calls = calls_of(ledger, provider, slots=2)
    assert eventually(lambda: provider.on_the_wire == 2)
    time.sleep(SOON_S)
    assert (provider.on_the_wire, ledger.due) == (2, ["c", "d"])
    provider.answers.set()
    assert eventually(lambda: sorted(ledger.ended) == ["a", "b", "c", "d"])
    calls.close()


def test_urgent_ones_find_the_reserved_slot(ledger: FakeLedger, provider: HangingProvider) -> None:
    """While all others hang; and a wake-up for ordinary ones is not even heard."""
    ledger.add("a", "b", "c")
    calls = calls_of(ledger, provider, slots=2, reserved=1)
    assert eventually(lambda: provider.on_the_wire == 2)
    assert eventually(lambda: ledger.heard[-1:] == [[Wakeup.URGENT]])
    ledger.add("!alarm")
    ledger.wakeups.put(Wakeup.URGENT)
    assert eventually(lambda: provider.on_the_wire == 3)
    assert ledger.due == ["c"]
    provider.answers.set()
    calls.close()
    assert "!alarm" in ledger.ended


def test_a_wakeup_ends_the_sleep(ledger: FakeLedger, provider: HangingProvider) -> None:
    """A process with nothing to do asks once, and again when it is woken."""
    provider.answers.set()
    calls = calls_of(ledger, provider, slots=2)
    assert eventually(lambda: ledger.heard != [])
    asked = len(ledger.requests)
    ledger.add("a")
    time.sleep(2 * SOON_S)
    assert len(ledger.requests) == asked
    ledger.wakeups.put(Wakeup.ORDINARY)
    assert eventually(lambda: ledger.ended == ["a"])
    calls.close()


def test_a_request_without_a_reply_is_repeated(ledger: FakeLedger, provider: HangingProvider) -> None:
    """With its number: what it was granted is granted again, and called once."""
    provider.answers.set()
    ledger.add("a", "b")
    ledger.failures = 3
    calls = calls_of(ledger, provider, slots=2)
    assert eventually(lambda: sorted(ledger.ended) == ["a", "b"])
    assert [request for _, _, request in ledger.requests[:5]] == [1, 1, 1, 1, 2]
    calls.close()


def test_a_stopping_process_begins_nothing(ledger: FakeLedger, provider: HangingProvider) -> None:
    """From the moment it is told to stop; wake-ups are left to the others."""
    stopping = threading.Event()
    calls = calls_of(ledger, provider, slots=2, stopping=stopping)
    assert eventually(lambda: ledger.heard != [])
    stopping.set()
    ledger.add("a")
    ledger.wakeups.put(Wakeup.ORDINARY)
    assert eventually(lambda: ledger.passed_on == [Wakeup.ORDINARY] or not ledger.wakeups.empty())
    time.sleep(2 * SOON_S)
    assert ledger.due == ["a"]
    calls.close()


def test_a_stop_finishes_the_calls_in_flight(ledger: FakeLedger, provider: HangingProvider) -> None:
    """`close` returns when every call that was begun is settled, however long the provider takes."""
    ledger.add("a", "b")
    calls = calls_of(ledger, provider, slots=2)
    assert eventually(lambda: provider.on_the_wire == 2)
    threading.Timer(0.1, provider.answers.set).start()
    calls.close()
    assert sorted(ledger.ended) == ["a", "b"]


def test_a_fault_of_ours_frees_its_slot_and_settles_nothing(ledger: FakeLedger, provider: HangingProvider) -> None:
    """The lease of such a call runs out; the process goes on with the next."""
    provider.faults = 1
    provider.answers.set()
    ledger.add("a", "b")
    calls = calls_of(ledger, provider, slots=1)
    assert eventually(lambda: ledger.ended == ["b"])
    calls.close()
    assert ledger.ended == ["b"]
