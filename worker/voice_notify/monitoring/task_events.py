"""Celery events for each notification, so that Flower and other monitors show what became of it.

No Celery task places the calls. Monitors see a task `voice_notify.notify` for each notification: its id, but neither
its number nor its text.
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

_MAX_EVENTS_PER_MESSAGE = 256
#: How many events wait for a slow broker; further ones are dropped.
_MAX_PENDING_EVENTS = 20_000
#: How long a process that ends waits until the broker has the last events.
_CLOSE_TIMEOUT_S = 2.0

Event = tuple[str, dict[str, Any]]


class EventSwitch:
    """Whether a worker's monitors want task events; the processes of its pool inherit it."""

    def __init__(self, hostname: str, *, wanted: bool) -> None:
        self.hostname = hostname  #: the worker that events are sent for
        self._wanted = SharedFlag()
        self._wanted.set(to=wanted)

    def is_on(self) -> bool:
        """Return whether task events are wanted: because of `-E`, or of `enable_events`, which Flower sends."""
        return self._wanted.is_set()

    def follow(self, sender: Any, **_: object) -> None:  # noqa: ANN401 - celery has no types
        """Adopt what remote control has changed since. A receiver of the signal `heartbeat_sent`."""
        groups = sender.eventer.groups
        self._wanted.set(to=not groups or "task" in groups)


class TaskEvents:
    """Tells monitors what begins and ends in this process. A thread sends, so no call is delayed or fails for it."""

    def __init__(self, app: Celery, switch: EventSwitch) -> None:
        self._app = app
        self._switch = switch
        self._event_dispatcher: Any = None  # Celery's, once connected
        self._failing = False
        self._started: dict[str, float] = {}
        self._sender: Background[Event] | None = None
        self._starting = threading.Lock()

    def begun(self, grants: Iterable[Grant]) -> None:
        """Report calls that begin."""
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
        """Report attempts that were settled, each with what that came to."""
        if not self._switch.is_on():
            return
        for settlement, result in settled:
            began = self._started.pop(settlement.id, None)
            event = _make_event(settlement, result)
            if event:
                kind, fields = event
                if kind == "task-succeeded":
                    # Flower would still show why an earlier attempt failed.
                    fields |= {"runtime": time.monotonic() - began if began else 0.0, "exception": ""}
                self._put(kind, settlement.id, **fields)

    def expired(self, ids: Iterable[str]) -> None:
        """Report notifications whose deadline passed before they could be called."""
        if self._switch.is_on():
            for id_ in ids:
                self._put("task-revoked", id_, terminated=False, signum=None, expired=True)

    def refused(self, id_: str, error: Exception) -> None:
        """Report what a third-party producer sent and what is not a notification."""
        if self._switch.is_on():
            self._put("task-failed", id_, exception=f"{type(error).__name__}: {mask_text(str(error))}", traceback="")

    def close(self) -> None:
        """Send what is left, if the broker accepts it soon."""
        if self._sender:
            self._sender.close(_CLOSE_TIMEOUT_S)

    def _put(self, kind: str, id_: str, **fields: object) -> None:
        with self._starting:
            if self._sender is None:
                self._sender = Background(
                    "task events", self._try_to_send, most=_MAX_EVENTS_PER_MESSAGE, finish=self._disconnect
                )
        if self._sender.pending < _MAX_PENDING_EVENTS:
            self._sender.put((kind, {"uuid": id_, "name": TASK, "timestamp": time.time(), **fields}))

    def _try_to_send(self, batch: Sequence[Event]) -> None:
        try:
            self._send(batch)
            self._failing = False
        except Exception as error:  # noqa: BLE001 - whatever it is, the calls go on
            self._disconnect()
            if not self._failing:
                log.warning("events are lost", error=str(error))
            self._failing = True

    def _send(self, batch: Sequence[Event]) -> None:
        if self._event_dispatcher is None:
            self._event_dispatcher = self._app.events.Dispatcher(
                self._app.connection_for_write(),
                hostname=self._switch.hostname,
                buffer_while_offline=False,
                buffer_group={"task"},
                buffer_limit=_MAX_EVENTS_PER_MESSAGE + 1,
            )
        for kind, fields in batch:
            self._event_dispatcher.send(kind, **fields)
        self._event_dispatcher.flush()

    def _disconnect(self) -> None:
        dispatcher, self._event_dispatcher = self._event_dispatcher, None
        if dispatcher is not None:
            dispatcher.close()
            try:
                dispatcher.connection.release()
            except Exception as error:  # noqa: BLE001 - nothing more is sent on it
                log.debug("connection closed with an error", error=str(error))


def _make_event(settlement: Settlement, result: SettleResult) -> Event | None:
    """Return the event of an attempt that ended; None if another attempt has decided about the notification."""
    outcome, step = settlement.outcome, settlement.step
    text = f"{outcome.code} {outcome.message}".rstrip()
    match result:
        case State.ACCEPTED:
            reason = step.reason if step.state == State.ACCEPTED else "late"
            return "task-succeeded", {"result": _result(settlement) if outcome.call_id else f"{reason}: {text}"}
        case State.DEAD:
            return "task-failed", {"exception": f"{step.reason}: {text}", "traceback": ""}
        case State.WAITING:
            return "task-retried", {"exception": f"{step.reason}: {text}", "traceback": ""}
        case State.EXPIRED | State.CANCELLED:
            return "task-revoked", {"terminated": False, "signum": None, "expired": result is State.EXPIRED}
        case Undecided.LATE if outcome.kind is Kind.ACCEPTED:
            return "task-succeeded", {"result": f"late: {_result(settlement)}"}
    return None


def _result(settlement: Settlement) -> str:
    return f"{settlement.outcome.code} callId {settlement.outcome.call_id}"
