"""What monitors learn of a notification's calls, and that reporting it neither waits nor fails."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.sandbox import PATIENCE_SECONDS, eventually
from voice_notify.domain.outcome import Kind, Outcome
from voice_notify.domain.reasons import EndReason, Reason
from voice_notify.domain.retry import Attempt, Step, Window
from voice_notify.domain.states import State
from voice_notify.errors import InvalidNotification
from voice_notify.ledger.ledger import Grant, Settlement
from voice_notify.ledger.results import SettleResult, Undecided
from voice_notify.monitoring.task_events import EventSwitch, TaskEvents

ID = "0123456789abcdef01234567"
PLACED = Outcome(Kind.ACCEPTED, "200", "成功", call_id="1212", task_no="6956")
REFUSED = Outcome(Kind.REFUSED, "400", "手机号格式不正确")
CUT = Outcome(Kind.UNCONFIRMED, "cut", "the phone may have rung")


class Broker:
    """Celery's application as far as `TaskEvents` knows it; messages are what a flush sends."""

    def __init__(self) -> None:
        self.messages: list[list[dict[str, Any]]] = []
        self.down = threading.Event()
        self.failed = threading.Event()  #: something was to be sent while it was down
        self.asked = threading.Event()  #: something was to be sent
        self.answers = threading.Event()  #: until then a flush waits
        self.answers.set()
        self.connections = 0
        self.open_connections = 0
        self._buffer: list[dict[str, Any]] = []
        self.events = SimpleNamespace(Dispatcher=self._dispatcher)

    def connection_for_write(self) -> object:
        """A connection that can be released."""
        self.connections += 1
        self.open_connections += 1
        return SimpleNamespace(release=self._release)

    @property
    def told(self) -> list[dict[str, Any]]:
        """All events."""
        return [event for message in self.messages for event in message]

    def _release(self) -> None:
        self.open_connections -= 1

    def _dispatcher(self, connection: object, **_: object) -> object:
        return SimpleNamespace(connection=connection, send=self._send, flush=self._flush, close=self._buffer.clear)

    def _send(self, kind: str, **fields: object) -> None:
        self._buffer.append({"type": kind, **fields})

    def _flush(self) -> None:
        self.asked.set()
        assert self.answers.wait(PATIENCE_SECONDS)
        if self.down.is_set():
            self.failed.set()
            raise ConnectionError("the broker is down")
        self.messages.append(list(self._buffer))
        self._buffer.clear()


def events_of(broker: Broker, *, wanted: bool = True) -> TaskEvents:
    """The events of a process whose worker sends them if they are `wanted`."""
    return TaskEvents(broker, EventSwitch("w1@tests", wanted=wanted))


def grant(attempts: int = 1) -> Grant:
    """Leave for one call."""
    return Grant(
        ID,
        "token",
        "13800138000",
        "453662",
        ("张三",),
        Attempt(attempts, 0),
        now_ms=0,
        clock_ahead_ms=0,
        send_within_ms=1000,
    )


def ended(outcome: Outcome, state: State, reason: Reason | EndReason) -> Settlement:
    """The end of that call."""
    return Settlement(ID, "token", outcome, Step(state, reason, Window.COUNT))


def told(*calls: tuple[str, Any], wanted: bool = True) -> list[dict[str, Any]]:
    """The events of some calls of methods of `TaskEvents`."""
    broker = Broker()
    events = events_of(broker, wanted=wanted)
    for method, arguments in calls:
        getattr(events, method)(*arguments)
    events.close()
    return broker.told


CASES = [
    # placed: the callId
    (PLACED, State.ACCEPTED, EndReason.PLACED, State.ACCEPTED, "task-succeeded", "200 callId 1212"),
    # nobody knows, and the policy takes it as sent
    (CUT, State.ACCEPTED, EndReason.ASSUMED, State.ACCEPTED, "task-succeeded", "assumed: cut the phone may have rung"),
    # a late success of another attempt decided in its place
    (CUT, State.WAITING, Reason.RESEND, State.ACCEPTED, "task-succeeded", "late: cut the phone may have rung"),
    # itself that late success
    (PLACED, State.ACCEPTED, EndReason.PLACED, Undecided.LATE, "task-succeeded", "late: 200 callId 1212"),
    (REFUSED, State.DEAD, EndReason.REFUSED, State.DEAD, "task-failed", "refused: 400 手机号格式不正确"),
    (CUT, State.WAITING, Reason.RESEND, State.WAITING, "task-retried", "resend: cut the phone may have rung"),
    # its deadline passed meanwhile, or it was cancelled
    (CUT, State.WAITING, Reason.RESEND, State.EXPIRED, "task-revoked", None),
    (CUT, State.WAITING, Reason.RESEND, State.CANCELLED, "task-revoked", None),
]


@pytest.mark.parametrize(("outcome", "step", "reason", "result", "kind", "text"), CASES)
def test_an_end_is_told(  # noqa: PLR0913, PLR0917 - a row of the table
    outcome: Outcome, step: State, reason: Reason | EndReason, result: SettleResult, kind: str, text: str | None
) -> None:
    """What the ledger made of the attempt decides; the event has the provider's code and `msg`."""
    (event,) = told(("ended", ([(ended(outcome, step, reason), result)],)))
    assert (event["type"], event["uuid"], event["name"]) == (kind, ID, "voice_notify.notify")
    assert (event.get("result") or event.get("exception")) == text
    assert event.get("expired") == ((result is State.EXPIRED) if kind == "task-revoked" else None)


@pytest.mark.parametrize("result", Undecided)
def test_what_decides_nothing_is_not_told(result: Undecided) -> None:
    """An attempt that was given up, and failed after that, says nothing about its notification."""
    assert told(("ended", ([(ended(CUT, State.WAITING, Reason.RESEND), result)],))) == []


def test_a_beginning_is_told_without_number_or_text() -> None:
    """The first attempt is received and started, a later one is started again; neither says number or text."""
    first, later = told(("begun", ([grant()],))), told(("begun", ([grant(attempts=3)],)))
    assert [event["type"] for event in first] == ["task-received", "task-started"]
    assert [(event["type"], event["retries"]) for event in later] == [("task-started", 2)]
    assert not {"13800138000", "张三"} & {word for event in first for word in event.values()}


def test_a_deadline_and_a_refusal_are_told() -> None:
    """What expires in line is revoked, and a third-party message that is no notification has failed."""
    expired, refused = told(("expired", ([ID],)), ("refused", ("shop-1", InvalidNotification("mobile", "13800138000"))))
    assert (expired["type"], expired["expired"]) == ("task-revoked", True)
    assert (refused["type"], refused["uuid"]) == ("task-failed", "shop-1")
    assert refused["exception"] == "InvalidNotification: mobile: 138****8000"


def test_nothing_is_sent_where_nobody_listens() -> None:
    """Then nothing is sent, and no connection is made."""
    calls = ("begun", ([grant()],)), ("ended", ([(ended(PLACED, State.ACCEPTED, EndReason.PLACED), State.ACCEPTED)],))
    assert told(*calls, wanted=False) == []
    assert told(*calls) != []


@pytest.mark.parametrize(("groups", "is_on"), [({"worker"}, False), ({"worker", "task"}, True), (set(), True)])
def test_the_switch_follows_remote_control(*, groups: set[str], is_on: bool) -> None:
    """Celery's dispatcher sends the groups that monitors asked for; without any, all."""
    switch = EventSwitch("w1@tests", wanted=not is_on)
    switch.follow(SimpleNamespace(eventer=SimpleNamespace(groups=groups)))
    assert switch.is_on() is is_on


def test_many_go_in_few_messages() -> None:
    """What comes while a slow broker takes one message is the next, as long as that is not too large."""
    broker = Broker()
    events = events_of(broker)
    broker.answers.clear()
    events.expired(["first"])
    assert broker.asked.wait(PATIENCE_SECONDS)
    events.begun([grant()] * 200)
    broker.answers.set()
    events.close()
    assert [len(message) for message in broker.messages] == [1, 256, 144]


def test_a_broker_that_is_down_costs_events_only() -> None:
    """What could not be sent is lost without an error, and the next is sent over a new connection."""
    broker = Broker()
    broker.down.set()
    events = events_of(broker)
    events.expired(["lost"])
    assert broker.failed.wait(PATIENCE_SECONDS)
    broker.down.clear()
    events.expired(["sent"])
    events.close()
    assert [event["uuid"] for event in broker.told] == ["sent"]
    assert (broker.connections, broker.open_connections) == (2, 0)


def test_an_outage_is_one_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """Not one for each message that is lost; the next outage is another line."""
    broker = Broker()
    events = events_of(broker)
    for number in range(2):
        broker.down.set()
        for _ in range(3):
            broker.failed.clear()
            events.expired(["lost"])
            assert broker.failed.wait(PATIENCE_SECONDS)
        broker.down.clear()
        events.expired(["sent"])
        assert eventually(lambda sent=number + 1: len(broker.told) == sent)  # type: ignore[misc]
    events.close()
    assert [record.getMessage().partition(" error=")[0] for record in caplog.records] == ['event="events are lost"'] * 2
