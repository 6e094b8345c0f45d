"""kombu's Redis transport, which whatever stands in the queue does not end.

kombu takes a message out of Redis, and only then finds out whether it can read it: an error there ends the worker, or,
as it takes a KeyError for a lost connection, has it connect again and again. Here what cannot be read counts as if
nothing had come, and what is no message becomes one with `errors`, for which kombu has a way already: it is given to
`on_decode_error` instead of the consumer's callback.
"""

from __future__ import annotations

import sys
import uuid
from collections.abc import Callable
from functools import cached_property, partial
from typing import Any

from kombu.message import Message as PlainMessage
from kombu.transport import redis, virtual
from kombu.utils.json import loads

from voice_notify.delivery.set_aside import raw_form


def keep_consuming(connection: Any, set_aside: Callable[[bytes, Exception], None]) -> None:  # noqa: ANN401 - kombu's
    """Have a connection use this transport if it is one to Redis; what cannot be read is given to `set_aside`."""
    original = connection.get_transport_cls
    # Asked for again after a failover to another URL.
    connection.get_transport_cls = lambda: Transport if original() is redis.Transport else original()
    connection.set_aside = set_aside


def broker_errors(*classes: tuple[type[Exception], ...]) -> tuple[type[Exception], ...]:
    """Those of kombu's `connection_errors` and `channel_errors` that no message can cause.

    kombu counts KeyError as a lost connection to Redis.
    """
    return tuple(each for group in classes for each in group if each is not KeyError)


class AnyMessage(virtual.Message):
    """A message from `queue`, whatever it holds; why it cannot be used is in `errors`."""

    def __init__(self, payload: Any, channel: Any = None, queue: str = "", **options: Any) -> None:  # noqa: ANN401
        # What its producer wrote there could be that of another message, and an address that nobody may write to.
        tag, address = str(uuid.uuid4()), {"exchange": "", "routing_key": queue}
        try:
            payload = _checked(payload, channel)
            properties = payload["properties"]
            address = properties["delivery_info"] | (address if queue else {})
            ours = properties | {"delivery_tag": tag, "delivery_info": address}
            super().__init__(payload | {"properties": ours}, channel=channel, **options)  # type: ignore[no-untyped-call]
        except Exception:  # noqa: BLE001 - whatever it is, the consumer is told
            init: Any = PlainMessage.__init__
            init(self, delivery_tag=tag, delivery_info=address, channel=channel)
            self.errors.append(sys.exc_info())
        self._raw = payload


class Channel(redis.Channel):
    """A channel that delivers everything, or sets it aside."""

    Message = AnyMessage

    @cached_property
    def client(self) -> Any:  # noqa: ANN401 - redis-py's
        """What takes messages from the queue."""
        client = super().client
        client.parse_response = partial(self._read, client.parse_response)
        return client

    @cached_property
    def subclient(self) -> Any:  # noqa: ANN401 - redis-py's
        """What hears broadcasts."""
        subclient = super().subclient
        subclient.parse_response = partial(self._read, subclient.parse_response)
        return subclient

    def basic_consume(self, queue: str, no_ack: Any, callback: Any, consumer_tag: Any, **options: Any) -> None:  # noqa: ANN401
        """Deliver what comes to `queue`."""
        super().basic_consume(queue, no_ack, callback, consumer_tag, **options)  # type: ignore[no-untyped-call]

        def deliver(payload: Any) -> Any:  # noqa: ANN401
            message = AnyMessage(payload, channel=self, queue=queue)
            if no_ack:
                message._state = "ACK"  # noqa: SLF001 - nothing to be given back
            elif not message.errors:
                self._remember(message)
            return callback(message)

        self.connection._callbacks[queue] = deliver  # noqa: SLF001 - as kombu's own method does

    def _remember(self, message: AnyMessage) -> None:
        try:
            self.qos.append(message, message.delivery_tag)
        except RecursionError:  # nested so deeply that it could be read, but cannot be written
            message.errors.append(sys.exc_info())

    def _read(self, parse: Callable[..., Any], *args: Any, **options: Any) -> Any:  # noqa: ANN401
        """A reply of Redis; None, as if nothing had come, for one with a message that cannot be read."""
        reply = parse(*args, **options)
        text = _message_in(reply, *args)
        try:
            if text is not None:
                loads(text)  # type: ignore[no-untyped-call] # kombu has few types
        except Exception as error:  # noqa: BLE001 - a producer decides what is in it
            self.connection.client.set_aside(text, error)
            return None
        return reply


class Transport(redis.Transport):
    """kombu's transport with that channel."""

    Channel = Channel

    def _reject_inbound_message(self, raw_message: Any) -> None:  # noqa: ANN401
        """Give back a message that came when remote control had just stopped its consumer."""
        message = AnyMessage(raw_message, channel=self.channels[0])
        if message.errors:
            connection: Any = self.client
            connection.set_aside(raw_form(message), message.errors[0][1])
        else:
            super()._reject_inbound_message(raw_message)  # type: ignore[no-untyped-call]


def _message_in(reply: Any, *command: Any) -> bytes | None:  # noqa: ANN401
    """The message in a reply to BRPOP, or in what a channel tells."""
    if not isinstance(reply, list | tuple) or not reply or not all(isinstance(each, bytes) for each in reply):
        return None
    if command[1:] == ("BRPOP",) or reply[0] in (b"message", b"pmessage"):
        text: bytes = reply[-1]
        return text
    return None


def _checked(payload: Any, channel: Any) -> dict[str, Any]:  # noqa: ANN401
    """A message as kombu would write it, or an error: it has to be possible to give it back."""
    whole: dict[str, Any] = payload | {"headers": payload.get("headers") or {}}  # other languages' producers have none
    if not all(isinstance(part, dict) for part in (whole["headers"], whole["properties"]["delivery_info"])):
        raise TypeError("not a message of kombu's")
    channel._get_message_priority(whole)  # noqa: SLF001
    return whole
