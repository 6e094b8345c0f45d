"""Messages of any content, by Hypothesis, in the queue of a real worker: it lives, and keeps none of them."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from amqp.exceptions import FrameSyntaxError  # type: ignore[import-untyped]
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.support import malformed
from tests.support.deployment import QUEUE, TEMPLATE, Deployment, deploy
from tests.support.rabbitmq import RabbitServer, connect
from tests.support.sandbox import eventually

Json = st.SearchStrategy[Any]

#: How many messages are sent: so many times so many at once.
_BATCHES = 100
_AT_ONCE = 10

#: What a header of Celery's means something with.
_TELLING = st.sampled_from(
    [
        "",
        "soon",
        "json",
        "2026-11-26T00:00:00",
        "9999-12-31T23:59:59+00:00",
        "zlib",
        "voice_notify.notify",
        "celery.map",
    ]
)
_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec="utf-8")) | _TELLING
_ANY: Json = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4)
)


def without_missing(drawn: malformed.Document) -> malformed.Document:
    """A document without what is to be left out."""
    return malformed.changed({}, drawn)


def maybe(value: Any) -> Json:  # noqa: ANN401 - JSON
    """As it should be, more often than not; or anything, or nothing."""
    return st.just(value) | st.just(value) | st.just(value) | _ANY | st.just(malformed.MISSING)


def documents(whole: malformed.Document) -> Json:
    """That one with other values, or anything at all."""
    return st.fixed_dictionaries({name: maybe(value) for name, value in whole.items()}).map(without_missing)


def as_text(body: Any) -> bytes:  # noqa: ANN401 - JSON
    """A body as it is sent."""
    return json.dumps(body).encode()


_HEADERS = documents(
    malformed.headers() | {"compression": None, "stamped_headers": None, "stamps": None, "root_id": None, "group": None}
)
#: Nobody is to be called: the number is none.
_ARGS = st.just(["1", TEMPLATE, ["a"]]) | _ANY
_EMBED = documents({"callbacks": None, "errbacks": None, "chain": None, "chord": None}) | _ANY
_BODIES = st.binary() | (st.tuples(_ARGS, st.just({}) | _ANY, _EMBED) | _ANY).map(as_text)


def in_redis() -> st.SearchStrategy[bytes]:
    """Messages as they stand in a list of Redis: kombu's envelope with anything in it, or no envelope."""
    delivery = documents({"exchange": "", "routing_key": QUEUE})
    properties = st.tuples(documents(malformed.properties()), st.none() | delivery).map(
        lambda drawn: drawn[0] | ({} if drawn[1] is None else {"delivery_info": drawn[1]})
    )
    parts = {"headers": _HEADERS | _ANY, "properties": properties | _ANY}
    parts["body"] = _BODIES.map(lambda body: base64.b64encode(body).decode()) | _ANY
    parts |= {"content-type": maybe("application/json"), "content-encoding": maybe("utf-8")}
    return st.binary() | st.fixed_dictionaries(parts).map(without_missing).map(as_text) | _ANY.map(as_text)


def in_rabbitmq() -> st.SearchStrategy[tuple[Any, ...]]:
    """Bodies, headers, content type and encoding, as far as AMQP has a way to write them."""
    texts = st.none() | st.text(max_size=30)
    return st.tuples(_BODIES, _HEADERS, st.just("application/json") | texts, st.just("utf-8") | texts)


def publish(broker_url: str, batch: list[tuple[Any, ...]]) -> None:
    """Send them to RabbitMQ, but for what AMQP cannot write and what RabbitMQ refuses."""
    with connect(broker_url) as connection, suppress(*connection.connection_errors):
        _publish(connection.default_channel, batch)


def _publish(channel: Any, batch: list[tuple[Any, ...]]) -> None:  # noqa: ANN401 - kombu's
    for body, headers, content_type, encoding in batch:
        message = malformed.amqp_message(
            channel, body, headers=headers, content_type=content_type, content_encoding=encoding
        )
        try:
            message._serialize_properties()  # noqa: SLF001 - amqp's, before anything is on the wire
        except (TypeError, ValueError, OverflowError, struct.error, FrameSyntaxError):
            continue
        channel.basic_publish(message, exchange="", routing_key=QUEUE)


def survives(deployment: Deployment, messages: st.SearchStrategy[Any], send: Callable[[list[Any]], object]) -> None:
    """The worker takes all that is made up out of the queue, with one and the same process."""
    (worker,) = deployment.workers

    @settings(
        max_examples=_BATCHES,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(batch=st.lists(messages, min_size=_AT_ONCE, max_size=_AT_ONCE))
    def each(batch: list[Any]) -> None:
        send(batch)
        assert eventually(lambda: malformed.nothing_is_held(deployment) or not worker.running), batch
        assert worker.running, (batch, worker.log.read_text(encoding="utf-8")[-3000:])

    each()
    assert "Connection to broker lost" not in worker.log.read_text(encoding="utf-8")


@pytest.fixture
def worker_on(tmp_path: Path) -> Iterator[Callable[[str], Deployment]]:
    """A deployment of one worker with a broker."""
    with ExitStack() as stack:

        def start(broker_url: str) -> Deployment:
            deployment = stack.enter_context(deploy(tmp_path, broker_url=broker_url))
            worker = deployment.start_worker()
            assert eventually(lambda: "ready." in worker.log.read_text(encoding="utf-8"))  # its queue is there
            return deployment

        yield start


def test_no_message_in_redis_ends_the_worker(worker_on: Callable[[str], Deployment]) -> None:
    """Whatever is pushed to the queue."""
    deployment = worker_on("")
    with deployment.redis.client() as client:
        survives(deployment, in_redis(), lambda batch: client.lpush(QUEUE, *batch))


@pytest.mark.rabbitmq
def test_no_message_in_rabbitmq_ends_the_worker(worker_on: Callable[[str], Deployment], rabbitmq: RabbitServer) -> None:
    """Whatever is published to the queue."""
    rabbitmq.delete_queue(QUEUE)
    deployment = worker_on(rabbitmq.url)
    survives(deployment, in_rabbitmq(), partial(publish, rabbitmq.url))
    rabbitmq.delete_queue(QUEUE)
