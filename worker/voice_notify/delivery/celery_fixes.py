"""Fixes for Celery: a consumer that outlives the loss of its connection, and any message."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from celery.worker.consumer import Consumer as CeleryConsumer

from voice_notify.delivery.redeliveries import Redeliveries
from voice_notify.delivery.redis_transport import broker_errors, keep_consuming
from voice_notify.delivery.set_aside import describe, raw_form
from voice_notify.monitoring.logs import get_logger

log = get_logger(__name__)


#: Wake-ups of older versions, which may wait in the broker during an upgrade. The ledger has what they were for.
_OLD_WAKEUPS = frozenset({"voice_notify.deliver", "voice_notify.wake"})

#: The steps of Celery's consumer whose place ours take.
_OUR_STEPS = {
    "celery.worker.consumer.control:Control": "voice_notify.delivery.broadcasts:Control",
    "celery.worker.consumer.gossip:Gossip": "voice_notify.delivery.broadcasts:Gossip",
}
#: A task's name that may be shown.
_NAME = re.compile(r"[a-z_][\w.]{0,99}", re.ASCII | re.IGNORECASE)


class UnknownTask(Exception):
    """A message is for a task that this worker does not have."""


class UnknownMessage(Exception):
    """A message is for no task."""


class Consumer(CeleryConsumer):  # type: ignore[misc] # celery has no types
    """Celery's consumer, but for a mistake in clearing away a lost connection; and a message cannot end it.

    Whatever fails before a task runs is the message's fault: it is set aside and rejected, and the next one taken.
    """

    class Blueprint(CeleryConsumer.Blueprint):  # type: ignore[misc] # celery has no types
        """Celery's steps, two of them ours."""

        default_steps = tuple(_OUR_STEPS.get(step, step) for step in CeleryConsumer.Blueprint.default_steps)

    def connection_for_read(self, heartbeat: float | None = None) -> Any:  # noqa: ANN401 - kombu's
        """The connection that brings messages."""
        connection = self.app.connection_for_read(heartbeat=heartbeat)
        keep_consuming(connection, self.app.worker_process.set_aside.add)
        return self.ensure_connected(connection)

    def update_strategies(self) -> None:
        """Have each task handled by our kind of request, and none with a time limit, which remote control can set."""
        for task in self.app.tasks.values():
            task.Request = "voice_notify.delivery.private_request:PrivateRequest"
            task.time_limit = task.soft_time_limit = None
        super().update_strategies()

    def create_task_handler(self, *args: Any, **options: Any) -> Callable[[Any], None]:  # noqa: ANN401 - celery's
        """Returns what handles each message from the queue."""
        handle = super().create_task_handler(*args, **options)
        redeliveries: Redeliveries = self.app.worker_process.redeliveries

        def handle_any(message: Any) -> None:  # noqa: ANN401
            try:
                redeliveries.begin(message)
                handle(message)
            except broker_errors(self.connection_errors, self.channel_errors):
                raise
            except Exception as error:  # noqa: BLE001 - its producer decides what is in it
                self.refuse(message, error)

        return handle_any

    def refuse(self, message: Any, error: BaseException, **shown: str) -> None:  # noqa: ANN401
        """Set a message aside, and take it out of the queue; a broadcast is in none."""
        self.app.worker_process.set_aside.add(raw_form(message), error, **shown)
        broadcast = message.delivery_info.get("consumer_tag") in (message.channel.no_ack_consumers or ())
        if not (message.acknowledged or broadcast):
            message.reject_log_error(log, self.connection_errors)
        self.app.worker_process.redeliveries.end(message)

    def on_decode_error(self, message: Any, exc: BaseException) -> None:  # noqa: ANN401
        """Celery quotes the message here, and in the next two."""
        self.refuse(message, exc)

    def on_invalid_task(self, body: Any, message: Any, exc: BaseException) -> None:  # noqa: ANN401, ARG002 - celery's
        """A header of a wrong type."""
        self.refuse(message, exc)

    def on_unknown_message(self, body: Any, message: Any) -> None:  # noqa: ANN401, ARG002 - celery's
        """A message for no task."""
        self.refuse(message, UnknownMessage())

    def on_unknown_task(self, body: Any, message: Any, exc: BaseException) -> None:  # noqa: ANN401, ARG002 - celery's
        """Throw away what an older version left; of another task, show the name."""
        task = message.headers.get("task")
        if task in _OLD_WAKEUPS:
            message.reject_log_error(log, self.connection_errors)
        elif isinstance(task, str) and _NAME.fullmatch(task):
            self.refuse(message, UnknownTask(), task=task)
        else:
            self.refuse(message, UnknownTask())

    def add_task_queue(self, queue: Any, *_: object, **__: object) -> None:  # noqa: ANN401 - remote control's
        """Take messages from the account's queue again; a worker has no other, and may read no other in Redis."""
        if queue in [ours.name for ours in self.app.conf.task_queues]:
            super().add_task_queue(queue)
        else:
            log.error("add_consumer refused: a worker takes messages from its account's queue only")

    def call_soon(self, p: Callable[..., Any], *args: Any, **options: Any) -> Any:  # noqa: ANN401 - celery's
        """Have the event loop do what remote control asks for."""
        return super().call_soon(partial(self._attempt, p), *args, **options)

    def _attempt(self, do: Callable[..., Any], *args: Any, **options: Any) -> None:  # noqa: ANN401
        try:
            do(*args, **options)
        except broker_errors(self.connection_errors, self.channel_errors):
            raise
        except Exception as error:  # noqa: BLE001 - whoever asks decides what with
            log.error("remote control failed", **describe(error))  # noqa: TRY400 - its text may quote what was asked

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        """Clear away the connection that was lost.

        Celery 5.7 closes it twice. The second time kombu wants to give unacknowledged messages back to a Redis whose
        address it has forgotten already, and the whole worker would end. The messages are safe: Redis holds them until
        the visibility timeout.
        """
        try:
            super().on_connection_error_after_connected(exc)
        except AttributeError as error:
            log.warning("connection closed with an error", error=repr(error))
