"""Celery's broadcast channels, remote control and the events of other workers: what comes there ends no worker."""

from __future__ import annotations

from functools import partial
from typing import Any

from celery.worker.consumer.control import Control as CeleryControl
from celery.worker.consumer.gossip import Gossip as CeleryGossip

from voice_notify.delivery.redis_transport import broker_errors


class Control(CeleryControl):  # type: ignore[misc] # celery has no types
    """Remote control. Celery opens its channel anew after an error, while it still reads from it."""

    def __init__(self, c: Any, **options: Any) -> None:  # noqa: ANN401 - celery's
        super().__init__(c, **options)
        self.box.node.handle_message = partial(_handle, c, self.box.node.handle_message)


class Gossip(CeleryGossip):  # type: ignore[misc] # celery has no types
    """The events of other workers, for one that was started without `--without-gossip`."""

    def __init__(self, c: Any, **options: Any) -> None:  # noqa: ANN401 - celery's
        super().__init__(c, **options)
        self._consumer = c

    def on_message(self, prepare: Any, message: Any) -> None:  # noqa: ANN401 - celery's
        """Take note of one event."""
        _handle(self._consumer, super().on_message, prepare, message)


def _handle(c: Any, handle: Any, body: Any, message: Any) -> None:  # noqa: ANN401
    try:
        handle(body, message)
    except broker_errors(c.connection_errors, c.channel_errors):
        raise
    except Exception as error:  # noqa: BLE001 - its sender decides what is in it
        c.refuse(message, error)
