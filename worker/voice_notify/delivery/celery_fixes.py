"""Fixes for Celery: a consumer that outlives the loss of its connection, and a request that shows no text."""

from __future__ import annotations

from typing import Any

from celery.worker.consumer import Consumer as CeleryConsumer
from celery.worker.request import Request

from voice_notify.monitoring.logs import get_logger

log = get_logger(__name__)


#: Wake-ups of older versions, which may wait in the broker during an upgrade. The ledger has what they were for.
_OLD_WAKEUPS = frozenset({"voice_notify.deliver", "voice_notify.wake"})


class Consumer(CeleryConsumer):  # type: ignore[misc] # celery has no types
    """Celery's consumer, but for one mistake in clearing away a lost connection; it knows older versions' messages."""

    def on_unknown_task(self, body: Any, message: Any, exc: Exception) -> None:  # noqa: ANN401 - celery's
        """Throw away what an older version left; Celery reports the rest."""
        if message.headers.get("task") in _OLD_WAKEUPS:
            message.reject_log_error(log, self.connection_errors)
        else:
            super().on_unknown_task(body, message, exc)

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


class PrivateRequest(Request):  # type: ignore[misc] # celery has no types
    """A third-party producer's message: it holds the number and the text, which `celery inspect` is not to show."""

    argsrepr = kwargsrepr = "(hidden)"

    def info(self, safe: bool = False) -> dict[str, Any]:  # noqa: ARG002, FBT001, FBT002 - celery's
        """What is shown of it."""
        return {**super().info(safe=True), "args": self.argsrepr, "kwargs": self.kwargsrepr}
