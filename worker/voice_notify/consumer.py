"""The worker's consumer of the broker's messages, which outlives the loss of its connection."""

from __future__ import annotations

from celery.worker.consumer import Consumer as CeleryConsumer

from voice_notify.logs import get_logger

log = get_logger(__name__)


class Consumer(CeleryConsumer):  # type: ignore[misc] # celery has no types
    """Celery's consumer, but for one mistake in clearing away a lost connection."""

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
