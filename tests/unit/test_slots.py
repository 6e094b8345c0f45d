"""How the calls of one process share its slots: whatever becomes of a call, its slot comes free."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import pytest

from voice_notify.delivery import calls as calls_module
from voice_notify.delivery.calls import Calls
from voice_notify.domain.notification import OnUnconfirmed
from voice_notify.domain.outcome import Kind, Outcome
from voice_notify.domain.retry import Attempt, RetryPolicy
from voice_notify.domain.states import State
from voice_notify.errors import StoreUnavailable
from voice_notify.ledger.ledger import Grant, Settlement
from voice_notify.provider.client import Call

POLICY = RetryPolicy(6, 2, 300, OnUnconfirmed.RESEND, 2)
TIMEOUT_S = 10


class FakeLedger:
    """Grants all but what is to be deferred, and remembers."""

    def __init__(self) -> None:
        self.deferred: set[str] = set()
        self.is_away = False
        self.given_back: list[str] = []
        self.settled: list[Settlement] = []

    def grant(self, attempts: Sequence[tuple[str, str]]) -> list[Grant | None]:
        """A grant for each."""
        if self.is_away:
            raise StoreUnavailable("Redis is away")
        return [
            None
            if id_ in self.deferred
            else Grant(id_, token, "13800138000", "1", (), Attempt(1, 0), now_ms=0, send_within_ms=60_000)
            for id_, token in attempts
        ]

    def give_back(self, ids: Sequence[str]) -> None:
        """Remember them."""
        self.given_back += ids

    def settle(self, settlements: Sequence[Settlement]) -> list[str]:
        """Remember them."""
        self.settled += settlements
        return [State.ACCEPTED for _ in settlements]


class HangingProvider:
    """Answers when the test lets it, or fails."""

    def __init__(self) -> None:
        self.answers = threading.Event()
        self.faults = 0  #: the next so many calls fail

    def place_call(self, call: Call, *, timestamp_ms: int, send_by: float) -> Outcome:  # noqa: ARG002
        """Wait, then accept."""
        if self.faults:
            self.faults -= 1
            raise RuntimeError("a fault of ours")
        assert self.answers.wait(TIMEOUT_S)
        return Outcome(Kind.ACCEPTED, "200")

    def close(self) -> None:
        """Nothing to close."""


@pytest.fixture
def ledger() -> FakeLedger:
    return FakeLedger()


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[HangingProvider]:
    """A provider, and wake-ups that do not wait for a slot: one that is lost is seen at once."""
    monkeypatch.setattr(calls_module, "_SLOT_WAIT_S", 0.0)
    hanging = HangingProvider()
    yield hanging
    hanging.answers.set()


def calls_of(ledger: FakeLedger, provider: HangingProvider, slots: int, *, stopping: bool = False) -> Calls:
    """The calls of a process."""
    return Calls(ledger, provider, POLICY, calls_in_flight=slots, stopping=lambda: stopping)  # type: ignore[arg-type] # fakes


def test_what_finds_no_slot_is_given_back(ledger: FakeLedger, provider: HangingProvider) -> None:
    """A wake-up does not wait for a slow provider: the lines that it could not begin are due again."""
    calls = calls_of(ledger, provider, slots=2)
    assert calls.start(["a", "b", "c", "d"]) == 2
    assert ledger.given_back == ["c", "d"]
    provider.answers.set()
    calls.close()


def test_a_stopping_worker_begins_nothing(ledger: FakeLedger, provider: HangingProvider) -> None:
    """All is given back, though slots are free."""
    calls = calls_of(ledger, provider, slots=2, stopping=True)
    assert calls.start(["a", "b"]) == 0
    assert ledger.given_back == ["a", "b"]
    calls.close()


def test_a_stop_finishes_the_calls_in_flight(ledger: FakeLedger, provider: HangingProvider) -> None:
    """`close` returns when every call that was begun is settled, however long the provider takes."""
    calls = calls_of(ledger, provider, slots=2)
    calls.start(["a", "b"])
    threading.Timer(0.1, provider.answers.set).start()
    calls.close()
    assert sorted(each.id for each in ledger.settled) == ["a", "b"]


def test_a_call_frees_its_slot_for_the_same_wakeup(
    ledger: FakeLedger, provider: HangingProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wake-up of more lines than slots begins them all, as calls end."""
    monkeypatch.setattr(calls_module, "_SLOT_WAIT_S", TIMEOUT_S)
    provider.answers.set()
    calls = calls_of(ledger, provider, slots=1)
    assert calls.start(["a", "b", "c"]) == 3
    calls.close()
    assert [each.id for each in ledger.settled] == ["a", "b", "c"]


def test_a_deferred_call_uses_no_slot(ledger: FakeLedger, provider: HangingProvider) -> None:
    """What the ledger defers leaves its slot to the next."""
    ledger.deferred = {"a", "b"}
    calls = calls_of(ledger, provider, slots=1)
    assert calls.start(["a"]) == 0
    assert calls.start(["b", "c"]) == 1
    provider.answers.set()
    calls.close()


def test_a_begin_that_fails_uses_no_slot(ledger: FakeLedger, provider: HangingProvider) -> None:
    """When Redis is back, all slots are there."""
    calls = calls_of(ledger, provider, slots=2)
    ledger.is_away = True
    with pytest.raises(StoreUnavailable):
        calls.start(["a", "b"])
    ledger.is_away = False
    assert calls.start(["a", "b"]) == 2
    provider.answers.set()
    calls.close()


def test_a_fault_of_ours_frees_its_slot_and_settles_nothing(
    ledger: FakeLedger, provider: HangingProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lease of such a call runs out; the process goes on with the next."""
    monkeypatch.setattr(calls_module, "_SLOT_WAIT_S", TIMEOUT_S)
    provider.faults = 1
    calls = calls_of(ledger, provider, slots=1)
    assert calls.start(["a"]) == 1
    assert calls.start(["b"]) == 1
    provider.answers.set()
    calls.close()
    assert [each.id for each in ledger.settled] == ["b"]
