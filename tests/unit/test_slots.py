"""How the calls of one process share its slots."""

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
from voice_notify.ledger.ledger import Grant, Settlement
from voice_notify.provider.client import Call

POLICY = RetryPolicy(6, 2, 300, OnUnconfirmed.RESEND, 2)
TIMEOUT = 10


class FakeLedger:
    """Grants everything, and remembers."""

    def __init__(self) -> None:
        self.given_back: list[str] = []
        self.settled: list[Settlement] = []

    def grant(self, attempts: Sequence[tuple[str, str]]) -> list[Grant | None]:
        """A grant for each."""
        return [Grant(id_, token, "13800138000", "1", (), Attempt(1, 0), 0, 60_000) for id_, token in attempts]

    def give_back(self, ids: Sequence[str]) -> None:
        """Remember them."""
        self.given_back += ids

    def settle(self, settlements: Sequence[Settlement]) -> list[str]:
        """Remember them."""
        self.settled += settlements
        return [State.ACCEPTED for _ in settlements]


class HangingProvider:
    """Answers when the test lets it."""

    def __init__(self) -> None:
        self.answers = threading.Event()

    def place_call(self, call: Call, *, timestamp_ms: int, send_by: float) -> Outcome:  # noqa: ARG002
        """Wait, then accept."""
        assert self.answers.wait(TIMEOUT)
        return Outcome(Kind.ACCEPTED, "200")

    def close(self) -> None:
        """Nothing to close."""


@pytest.fixture
def ledger() -> FakeLedger:
    return FakeLedger()


@pytest.fixture
def provider() -> Iterator[HangingProvider]:
    hanging = HangingProvider()
    yield hanging
    hanging.answers.set()


def test_what_finds_no_slot_is_given_back(
    ledger: FakeLedger, provider: HangingProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wake-up does not wait for a slow provider: the lines that it could not begin are due again."""
    monkeypatch.setattr(calls_module, "_SLOT_WAIT_S", 0.0)
    calls = Calls(ledger, provider, POLICY, calls_in_flight=2)  # type: ignore[arg-type] # a fake
    assert calls.start(["a", "b", "c", "d"]) == 2
    assert ledger.given_back == ["c", "d"]
    provider.answers.set()
    calls.close()


def test_a_stop_finishes_the_calls_in_flight(ledger: FakeLedger, provider: HangingProvider) -> None:
    """`close` returns when every call that was begun is settled."""
    calls = Calls(ledger, provider, POLICY, calls_in_flight=2)  # type: ignore[arg-type]
    calls.start(["a", "b"])
    order: list[str] = []

    def close() -> None:
        calls.close()
        order.append("closed")

    closing = threading.Thread(target=close)
    closing.start()
    closing.join(0.1)
    order.append("answered")
    provider.answers.set()
    closing.join(TIMEOUT)
    assert order == ["answered", "closed"]
    assert sorted(each.id for each in ledger.settled) == ["a", "b"]


def test_a_call_frees_its_slot_for_the_same_wakeup(ledger: FakeLedger, provider: HangingProvider) -> None:
    """A wake-up of more lines than slots begins them all, as calls end."""
    provider.answers.set()
    calls = Calls(ledger, provider, POLICY, calls_in_flight=1)  # type: ignore[arg-type]
    assert calls.start(["a", "b", "c"]) == 3
    calls.close()
    assert [each.id for each in ledger.settled] == ["a", "b", "c"]
