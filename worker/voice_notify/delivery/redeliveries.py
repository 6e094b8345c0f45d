"""A message that ends the process which handles it, as one that takes all memory, is not delivered for ever."""

from __future__ import annotations

import hashlib
from typing import Any

from voice_notify.errors import NotAllowed, StoreUnavailable
from voice_notify.ledger.broker_messages import BrokerMessages
from voice_notify.monitoring.logs import get_logger

log = get_logger(__name__)

#: How often a message may end its process, or its worker, before it is given up.
MAX_DELIVERIES = 3


class DeliveredTooOften(Exception):
    """A message came again after its last `MAX_DELIVERIES` deliveries ended their processes."""


class Redeliveries:
    """Counts the deliveries of a message in Redis from the second on, until one of them has an end."""

    def __init__(self, messages: BrokerMessages) -> None:
        self._messages = messages

    def begin(self, message: Any) -> None:  # noqa: ANN401 - kombu's message
        """Count a delivery that is not the first. Raises `DeliveredTooOften`."""
        if not _redelivered(message):
            return
        try:
            count = self._messages.count_redelivery(_fingerprint(message))
        except (StoreUnavailable, NotAllowed) as error:
            log.warning("a message that came again could not be counted", error=str(error))
        else:
            if count >= MAX_DELIVERIES:
                raise DeliveredTooOften

    def end(self, message: Any) -> None:  # noqa: ANN401 - kombu's message
        """Its process lives: what is delivered later is counted anew."""
        if not _redelivered(message):
            return
        try:
            self._messages.forget_redeliveries(_fingerprint(message))
        except (StoreUnavailable, NotAllowed) as error:
            log.warning("a message that came again could not be forgotten", error=str(error))


def _redelivered(message: Any) -> bool:  # noqa: ANN401
    # RabbitMQ says so in what it delivers, kombu's Redis transport in the headers.
    headers = message.headers if isinstance(message.headers, dict) else {}
    return bool(message.delivery_info.get("redelivered") or headers.get("redelivered"))


def _fingerprint(message: Any) -> str:  # noqa: ANN401
    body = message.body if isinstance(message.body, bytes) else repr(message.body).encode()
    digest = hashlib.sha256(body)
    digest.update(repr(message.headers.get("id")).encode())
    return digest.hexdigest()
