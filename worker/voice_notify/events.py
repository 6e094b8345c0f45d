"""Celery events for each notification, so that Flower and other monitors show what became of it.

A Celery task of ours is a ring for many notifications, and its own events would say nothing: they are off. Monitors see
a task `voice_notify.notify` for each notification instead, with its id and without number and words.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from celery import Celery, signals

from voice_notify.core.masking import mask_text
from voice_notify.core.outcome import Kind
from voice_notify.core.states import State
from voice_notify.logs import get_logger
from voice_notify.shared import Flag
from voice_notify.store.ledger import Grant, Settlement

log = get_logger(__name__)

TASK = "voice_notify.notify"

#: Events of one message, and events that may wait for a slow broker; more are dropped.
_MOST, _WAITING = 256, 20_000
_CLOSE_SECONDS = 2.0

Event = tuple[str, dict[str, Any]]


class _Worker:
    """What the main process knows, and the processes of its pool inherit."""

    hostname = ""
    listened_to = Flag()  #: whether task events are wanted: `-E`, or `enable_events`, which Flower says


def follow(worker: Any) -> None:  # noqa: ANN401 - celery has no types
    """Send events in the name of `worker`, as it is told to; call it before its pool is forked."""
    _Worker.hostname = worker.hostname
    _Worker.listened_to.set(bool(worker.task_events))


@signals.heartbeat_sent.connect(weak=False)  # type: ignore[untyped-decorator] # celery has no types
def _follow_remote_control(sender: Any, **_: object) -> None:  # noqa: ANN401
    if _Worker.hostname:
        groups = sender.eventer.groups
        _Worker.listened_to.set(not groups or "task" in groups)


class Events:
    """Tells monitors what begins and ends in this process. It neither delays a call nor fails it: a thread sends."""

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._queue: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._dispatcher: Any = None
        self._failing = False
        self._started: dict[str, float] = {}
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def begun(self, grants: Iterable[Grant]) -> None:
        """Calls begin."""
        if not _Worker.listened_to.is_set():
            self._started.clear()
            return
        for grant in grants:
            retries = grant.attempt.attempts - 1
            self._started[grant.id] = time.monotonic()
            if not retries:
                self._put("task-received", grant.id, args="()", kwargs="{}", retries=0)
            self._put("task-started", grant.id, retries=retries)

    def ended(self, settlements: Sequence[Settlement], states: Sequence[str]) -> None:
        """Attempts were settled, with these states of their notifications after it."""
        if not _Worker.listened_to.is_set():
            return
        for settlement, state in zip(settlements, states, strict=True):
            began = self._started.pop(settlement.id, None)
            event = _event(settlement, state)
            if event:
                kind, fields = event
                if kind == "task-succeeded":
                    # Flower would still show why an earlier attempt failed.
                    fields |= {"runtime": time.monotonic() - began if began else 0.0, "exception": ""}
                self._put(kind, settlement.id, **fields)

    def expired(self, ids: Iterable[str]) -> None:
        """Deadlines passed before these could be called."""
        if _Worker.listened_to.is_set():
            for id_ in ids:
                self._put("task-revoked", id_, terminated=False, signum=None, expired=True)

    def refused(self, id_: str, error: Exception) -> None:
        """What a foreign producer sent is no notification."""
        if _Worker.listened_to.is_set():
            self._put("task-failed", id_, exception=f"{type(error).__name__}: {mask_text(str(error))}", traceback="")

    def close(self) -> None:
        """Send what is left, if the broker takes it soon."""
        if self._thread:
            self._queue.put(None)
            self._thread.join(_CLOSE_SECONDS)

    def _put(self, kind: str, id_: str, **fields: object) -> None:
        if self._thread is None:
            self._start()
        if self._queue.qsize() < _WAITING:
            self._queue.put((kind, {"uuid": id_, "name": TASK, "timestamp": time.time(), **fields}))

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="events", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        open_ = True
        while open_:
            batch = [self._queue.get()]
            while len(batch) < _MOST and not self._queue.empty():
                batch.append(self._queue.get())
            open_ = None not in batch
            try:
                self._send([event for event in batch if event is not None])
                self._failing = False
            except Exception as error:  # noqa: BLE001 - a monitor is worth no more than this
                self._hang_up()
                if not self._failing:
                    log.warning("events are lost", error=str(error))
                self._failing = True
        self._hang_up()

    def _send(self, batch: Sequence[Event]) -> None:
        if batch and self._dispatcher is None:
            self._dispatcher = self._app.events.Dispatcher(
                self._app.connection_for_write(),
                hostname=_Worker.hostname,
                buffer_while_offline=False,
                buffer_group={"task"},
                buffer_limit=_MOST + 1,
            )
        for kind, fields in batch:
            self._dispatcher.send(kind, **fields)
        if batch:
            self._dispatcher.flush()

    def _hang_up(self) -> None:
        dispatcher, self._dispatcher = self._dispatcher, None
        if dispatcher is not None:
            dispatcher.close()
            try:
                dispatcher.connection.release()
            except Exception as error:  # noqa: BLE001 - it is given up anyway
                log.debug("connection closed with an error", error=str(error))


def _event(settlement: Settlement, state: str) -> Event | None:
    """What a monitor is told of an attempt's end; nothing where another attempt decides."""
    outcome, step = settlement.outcome, settlement.step
    words = f"{outcome.code} {outcome.message}".rstrip()
    match state:
        case State.ACCEPTED:
            reason = step.reason if step.state == State.ACCEPTED else "late"
            return "task-succeeded", {"result": _result(settlement) if outcome.call_id else f"{reason}: {words}"}
        case State.DEAD:
            return "task-failed", {"exception": f"{step.reason}: {words}", "traceback": ""}
        case State.WAITING:
            return "task-retried", {"exception": f"{step.reason}: {words}", "traceback": ""}
        case State.EXPIRED | State.CANCELLED:
            return "task-revoked", {"terminated": False, "signum": None, "expired": state == State.EXPIRED}
        case "late" if outcome.kind is Kind.ACCEPTED:
            return "task-succeeded", {"result": f"late: {_result(settlement)}"}
    return None


def _result(settlement: Settlement) -> str:
    return f"{settlement.outcome.code} callId {settlement.outcome.call_id}"


def events(app: Celery) -> Events:
    """The events of this process; after a fork, those of the new one."""
    return _of_process(app, os.getpid())


@cache
def _of_process(app: Celery, _: int) -> Events:
    return Events(app)
