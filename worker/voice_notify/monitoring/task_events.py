"""Celery events for each notification, so that Flower and other monitors show what became of it.

A Celery task of ours is a ring for many notifications, and its own events would say nothing: they are off. Monitors see
a task `voice_notify.notify` for each notification instead, with its id and without number and words.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence
from typing import Any

from celery import Celery

from voice_notify.concurrency.background import Background
from voice_notify.concurrency.shared_flag import SharedFlag
from voice_notify.domain.masking import mask_text
from voice_notify.domain.outcome import Kind
from voice_notify.domain.states import State
from voice_notify.ledger.ledger import Grant, Settlement
from voice_notify.ledger.results import SettleResult, Undecided
from voice_notify.monitoring.logs import get_logger

log = get_logger(__name__)

TASK = "voice_notify.notify"

#: Most events of one message.
_MOST = 256
#: Most events that wait for a slow broker; more are dropped.
_WAITING = 20_000
#: How long a process that ends waits for the broker to take the last events.
_CLOSE_S = 2.0

Event = tuple[str, dict[str, Any]]


class EventSwitch:
    """Whether a worker's monitors want task events; the processes of its pool inherit it."""

    def __init__(self, hostname: str, *, wanted: bool) -> None:
        self.hostname = hostname  #: in whose name events are sent
        self._wanted = SharedFlag()
        self._wanted.set(to=wanted)

    def is_on(self) -> bool:
        """Whether task events are wanted: `-E`, or `enable_events`, which Flower says."""
        return self._wanted.is_set()

    def follow(self, sender: Any, **_: object) -> None:  # noqa: ANN401 - celery has no types
        """Take over what remote control said since; a receiver of Celery's `heartbeat_sent`."""
        groups = sender.eventer.groups
        self._wanted.set(to=not groups or "task" in groups)


class TaskEvents:
    """Tells monitors what begins and ends in this process. It neither delays a call nor fails it: a thread sends."""

    def __init__(self, app: Celery, switch: EventSwitch) -> None:
        self._app = app
        self._switch = switch
        self._dispatcher: Any = None
        self._failing = False
        self._started: dict[str, float] = {}
        self._sender: Background[Event] | None = None
        self._starting = threading.Lock()

    def begun(self, grants: Iterable[Grant]) -> None:
        """Calls begin."""
        if not self._switch.is_on():
            self._started.clear()
            return
        for grant in grants:
            retries = grant.attempt.attempts - 1
            self._started[grant.id] = time.monotonic()
            if not retries:
                self._put("task-received", grant.id, args="()", kwargs="{}", retries=0)
            self._put("task-started", grant.id, retries=retries)

    def ended(self, settled: Sequence[tuple[Settlement, SettleResult]]) -> None:
        """Attempts were settled, each with what that came to."""
        if not self._switch.is_on():
            return
        for settlement, result in settled:
            began = self._started.pop(settlement.id, None)
            event = _event(settlement, result)
            if event:
                kind, fields = event
                if kind == "task-succeeded":
                    # Flower would still show why an earlier attempt failed.
                    fields |= {"runtime": time.monotonic() - began if began else 0.0, "exception": ""}
                self._put(kind, settlement.id, **fields)

    def expired(self, ids: Iterable[str]) -> None:
        """Deadlines passed before these could be called."""
        if self._switch.is_on():
            for id_ in ids:
                self._put("task-revoked", id_, terminated=False, signum=None, expired=True)

    def refused(self, id_: str, error: Exception) -> None:
        """What a foreign producer sent is no notification."""
        if self._switch.is_on():
            self._put("task-failed", id_, exception=f"{type(error).__name__}: {mask_text(str(error))}", traceback="")

    def close(self) -> None:
        """Send what is left, if the broker takes it soon."""
        if self._sender:
            self._sender.close(_CLOSE_S)

    def _put(self, kind: str, id_: str, **fields: object) -> None:
        with self._starting:
            if self._sender is None:
                self._sender = Background("task events", self._try_to_send, most=_MOST, finish=self._hang_up)
        if self._sender.pending < _WAITING:
            self._sender.put((kind, {"uuid": id_, "name": TASK, "timestamp": time.time(), **fields}))

    def _try_to_send(self, batch: Sequence[Event]) -> None:
        try:
            self._send(batch)
            self._failing = False
        except Exception as error:  # noqa: BLE001 - a monitor is worth no more than this
            self._hang_up()
            if not self._failing:
                log.warning("events are lost", error=str(error))
            self._failing = True

    def _send(self, batch: Sequence[Event]) -> None:
        if self._dispatcher is None:
            self._dispatcher = self._app.events.Dispatcher(
                self._app.connection_for_write(),
                hostname=self._switch.hostname,
                buffer_while_offline=False,
                buffer_group={"task"},
                buffer_limit=_MOST + 1,
            )
        for kind, fields in batch:
            self._dispatcher.send(kind, **fields)
        self._dispatcher.flush()

    def _hang_up(self) -> None:
        dispatcher, self._dispatcher = self._dispatcher, None
        if dispatcher is not None:
            dispatcher.close()
            try:
                dispatcher.connection.release()
            except Exception as error:  # noqa: BLE001 - it is given up anyway
                log.debug("connection closed with an error", error=str(error))


def _event(settlement: Settlement, result: SettleResult) -> Event | None:
    """What a monitor is told of an attempt's end; nothing where another attempt decides."""
    outcome, step = settlement.outcome, settlement.step
    words = f"{outcome.code} {outcome.message}".rstrip()
    match result:
        case State.ACCEPTED:
            reason = step.reason if step.state == State.ACCEPTED else "late"
            return "task-succeeded", {"result": _result(settlement) if outcome.call_id else f"{reason}: {words}"}
        case State.DEAD:
            return "task-failed", {"exception": f"{step.reason}: {words}", "traceback": ""}
        case State.WAITING:
            return "task-retried", {"exception": f"{step.reason}: {words}", "traceback": ""}
        case State.EXPIRED | State.CANCELLED:
            return "task-revoked", {"terminated": False, "signum": None, "expired": result is State.EXPIRED}
        case Undecided.LATE if outcome.kind is Kind.ACCEPTED:
            return "task-succeeded", {"result": f"late: {_result(settlement)}"}
    return None


def _result(settlement: Settlement) -> str:
    return f"{settlement.outcome.code} callId {settlement.outcome.call_id}"
