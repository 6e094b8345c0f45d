"""Messages that no worker can process, in every way that was seen to end one, to stop it or to keep it busy."""

from __future__ import annotations

import base64
import json
import uuid
from typing import Any

from tests.support.deployment import PARAMS, QUEUE, TEMPLATE, Deployment
from tests.support.rabbitmq import connect

TASK = "voice_notify.notify"
#: Of all malformed messages: nothing may show it, and nobody may call it.
MOBILE = "13799990000"
#: The body of a message that is in order.
BODY = [[MOBILE, TEMPLATE, list(PARAMS)], {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}]
_DEEP = 100_000

Document = dict[str, Any]


class _Missing:
    """For a field that is left out."""


MISSING = _Missing()


def changed(document: Document, changes: Document) -> Document:
    """A copy with other values; `MISSING` leaves one out."""
    return {name: value for name, value in (document | changes).items() if value is not MISSING}


def headers(**changes: Any) -> Document:  # noqa: ANN401 - JSON
    """What Celery says of a task in its message."""
    whole = {"lang": "py", "task": TASK, "id": str(uuid.uuid4()), "retries": 0, "timelimit": [None, None]}
    return changed(whole | {"eta": None, "expires": None, "argsrepr": "(…)", "kwargsrepr": "{}"}, changes)


def properties(**changes: Any) -> Document:  # noqa: ANN401 - JSON
    """What kombu says of a message in Redis."""
    delivery = {"exchange": "", "routing_key": QUEUE}
    whole = {"delivery_mode": 2, "delivery_info": delivery, "priority": 0, "body_encoding": "base64"}
    return changed(whole | {"delivery_tag": str(uuid.uuid4())}, changes)


def envelope(body: Any = BODY, **changes: Any) -> Document:  # noqa: ANN401 - JSON
    """A message as it stands in Redis; with nothing changed it is in order."""
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    whole = {"body": base64.b64encode(text).decode(), "content-encoding": "utf-8", "content-type": "application/json"}
    return changed(whole | {"headers": headers(), "properties": properties()}, changes)


def amqp_message(channel: Any, body: Any = BODY, **changes: Any) -> Any:  # noqa: ANN401 - kombu's, JSON
    """The same message, as RabbitMQ takes it."""
    whole = {"content_type": "application/json", "content_encoding": "utf-8", "headers": headers()}
    return channel.prepare_message(body if isinstance(body, bytes) else json.dumps(body).encode(), **(whole | changes))


#: Headers of a message whose body is in order.
HEADERS: dict[str, Document] = {
    "id missing": {"id": MISSING},
    "id a list": {"id": [MOBILE]},
    "id a dict": {"id": {"a": MOBILE}},
    "id a number": {"id": 5},
    "task a list": {"task": [MOBILE]},
    "task a dict": {"task": {}},
    "task a number": {"task": 5},
    "task null": {"task": None},
    "task unknown": {"task": "shop.unknown"},
    "task missing": {"task": MISSING},
    "timelimit a text": {"timelimit": "soon"},
    "timelimit of one": {"timelimit": [1]},
    "timelimit of three": {"timelimit": [1, 2, 3]},
    "timelimit of texts": {"timelimit": ["a", "b"]},
    "timelimit a number": {"timelimit": 5},
    "eta empty": {"eta": ""},
    "eta a text": {"eta": "soon"},
    "eta a number": {"eta": 5},
    "eta a list": {"eta": []},
    "expires empty": {"expires": ""},
    "expires a list": {"expires": [1]},
    "stamps of a wrong type": {"stamped_headers": 5, "stamps": 5},
    "compression unknown": {"compression": "unknown"},
    "compression a list": {"compression": [1]},
}

#: Bodies of a message whose headers are in order.
BODIES: dict[str, Any] = {
    "body of two": BODY[:2],
    "body of one": BODY[:1],
    "body of four": [*BODY, 4],
    "body a dict": {"a": MOBILE},
    "body with args alone": {"args": 5},
    "body null": None,
    "body a text": MOBILE,
    "body a number": 5,
    "body of wrong types": [1, 2, 3],
    "args a dict": [{"mobile": MOBILE}, {}, {}],
    "kwargs a list": [[MOBILE], [], {}],
    "embed a list": [[MOBILE], {}, [1]],
    "errbacks a number": [[MOBILE], {}, {"errbacks": 5}],
    "callbacks of numbers": [[MOBILE], {}, {"callbacks": [5]}],
    "chord a number": [[MOBILE], {}, {"chord": 5}],
    "chain a text": [[MOBILE], {}, {"chain": MOBILE}],
    "body not JSON": MOBILE.encode(),
    "body raw bytes": b"\xff\xfe\x00",
    "body empty": b"",
    "body nested": b"[" * _DEEP,
    "body of an unknown type": {"__type__": "unknown", "__value__": MOBILE},
}

#: Encodings of a message that is in order otherwise.
ENCODINGS: dict[str, Document] = {
    "content-encoding a number": {"content-encoding": 5},
    "content-type a number": {"content-type": 5},
    "content-type unknown": {"content-type": "text/unknown"},
    "content-type not accepted": {"content-type": "application/x-python-serialize"},
}

_AMQP_ENCODINGS: dict[str, Document] = {
    "content-encoding binary": {"content_encoding": "binary", "body": b"\xff"},
    "content-type unknown": {"content_type": "text/unknown"},
    "content-type not accepted": {"content_type": "application/x-python-serialize"},
    "content-type missing": {"content_type": None},
    "headers missing": {"headers": {}},
}

#: What only Redis takes: kombu's own envelope, which a broker of its own keeps by itself.
_ENVELOPES: dict[str, Document] = {
    "content-type null": {"content-type": None},
    "headers missing": {"headers": MISSING},
    "headers null": {"headers": None},
    "headers a list": {"headers": [MOBILE]},
    "headers a text": {"headers": MOBILE},
    "properties missing": {"properties": MISSING},
    "properties null": {"properties": None},
    "properties a list": {"properties": [MOBILE]},
    "delivery_info missing": {"properties": properties(delivery_info=MISSING)},
    "delivery_info a list": {"properties": properties(delivery_info=[1])},
    "priority endless": {"properties": properties(priority=float("inf"))},
    "body_encoding a number": {"properties": properties(body_encoding=5)},
    "body_encoding unknown": {"properties": properties(body_encoding="unknown")},
    "bad base64": {"body": "A"},
    "body bare": {"body": 5},
}
_RAW: dict[str, bytes] = {
    "raw bytes": b"\xff\xfe\x00" + MOBILE.encode(),
    "nothing": b"",
    "not JSON": MOBILE.encode() + b" {",
    "null": b"null",
    "a list": b"[]",
    "a number": b"5",
    "a text": b'"text"',
    "nested": b"[" * _DEEP,
    "nested to an end": b"[" * _DEEP + b"]" * _DEEP,
    "decimal of letters": b'{"__type__": "decimal", "__value__": "letters"}',
    "uuid of a list": b'{"__type__": "uuid", "__value__": []}',
}


def in_redis() -> dict[str, bytes]:
    """Every kind as it stands in a list of Redis."""
    documents = {kind: envelope(headers=headers(**changes)) for kind, changes in HEADERS.items()}
    documents |= {kind: envelope(body) for kind, body in BODIES.items()}
    documents |= {kind: envelope(**changes) for kind, changes in (ENCODINGS | _ENVELOPES).items()}
    return {kind: json.dumps(document).encode() for kind, document in documents.items()} | _RAW


def send_to_queue(broker_url: str) -> int:
    """Send every kind that a broker takes. Returns how many."""
    with connect(broker_url) as connection:
        channel = connection.default_channel
        if not broker_url.startswith("amqp"):
            return int(channel.client.lpush(QUEUE, *in_redis().values()))
        messages = [amqp_message(channel, headers=headers(**changes)) for changes in HEADERS.values()]
        messages += [amqp_message(channel, body) for body in BODIES.values()]
        messages += [amqp_message(channel, **changes) for changes in _AMQP_ENCODINGS.values()]
        for message in messages:
            channel.basic_publish(message, exchange="", routing_key=QUEUE)
        return len(messages)


def send_to_control_channel(broker_url: str) -> None:
    """Send every kind that a broker takes there."""
    with connect(broker_url) as connection:
        channel = connection.default_channel
        for raw in on_the_control_channel().values():
            if broker_url.startswith("amqp"):
                body = raw if raw in _RAW.values() else base64.b64decode(json.loads(raw)["body"])
                message = amqp_message(channel, body, headers={"clock": 1})
                channel.basic_publish(message, exchange="celery.pidbox", routing_key="")
            else:
                channel.client.publish("/0.celery.pidbox", raw)


def nothing_is_held(deployment: Deployment) -> bool:
    """Whether no message waits, and none is held by a worker."""
    if deployment.broker_url.startswith("amqp"):
        with connect(deployment.broker_url) as connection:
            return bool(connection.default_channel.queue_declare(QUEUE, passive=True).message_count == 0)
    with deployment.redis.client() as client:
        return client.exists(QUEUE, "unacked", "unacked_index") == 0  # type: ignore[no-any-return]


def _command(**fields: Any) -> bytes:  # noqa: ANN401 - JSON
    body: Document = {"method": "ping", "arguments": {}, "destination": None, "pattern": None, "matcher": None}
    return _broadcast(changed(body, fields))


def _broadcast(body: Any, **changes: Any) -> bytes:  # noqa: ANN401 - JSON
    to_all = properties(delivery_info={"exchange": "celery.pidbox", "routing_key": ""})
    document = {"headers": {"clock": 1, "expires": 0}, "properties": to_all} | changes
    return json.dumps(envelope(body, **document)).encode()


def on_the_control_channel() -> dict[str, bytes]:
    """What comes over Redis's channel for Celery's remote control, and is no command."""
    return {f"{kind}, published": raw for kind, raw in _RAW.items()} | {
        "command null": _broadcast(None),
        "command a list": _broadcast([]),
        "command a number": _broadcast(5),
        "command empty": _broadcast({}),
        "command without method": _command(method=MISSING),
        "method a list": _command(method=["ping"]),
        "method unknown": _command(method="unknown"),
        "field unknown": _command(unknown=5),
        "arguments a list": _command(arguments=["a"]),
        "destination a number": _command(destination=5),
        "pattern unclosed": _command(pattern="(", matcher="pcre"),
        "reply_to a number": _command(reply_to=5),
        "reply_to empty": _command(reply_to={"a": 1}),
        "clock a text": _broadcast({"method": "ping"}, headers={"clock": "now"}),
        "headers a list, published": _broadcast({"method": "ping"}, headers=[1]),
        "properties missing, published": _broadcast({"method": "ping"}, properties=None),
        "add_consumer [list]": _command(method="add_consumer", arguments={"queue": ["a"]}),
        "add_consumer of another queue": _command(method="add_consumer", arguments={"queue": "another"}),
        "add_consumer of a type": _command(
            method="add_consumer", arguments={"queue": "b", "exchange": "b", "exchange_type": 5}
        ),
        "cancel_consumer [list]": _command(method="cancel_consumer", arguments={"queue": ["a"]}),
        "time_limit of texts": _command(method="time_limit", arguments={"task_name": TASK, "hard": "a", "soft": "b"}),
        "rate_limit of a list": _command(method="rate_limit", arguments={"task_name": TASK, "rate_limit": []}),
        "revoke [list]": _command(method="revoke", arguments={"task_id": [["a"]]}),
    }
