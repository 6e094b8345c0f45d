"""Notifications of applications without this package: the examples of `deploy/MESSAGES.md`, sent by hand."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis

from tests.support.deployment import PARAMS, QUEUE, TEMPLATE, Deployment, new_mobile
from tests.support.interpreter import without_settings
from tests.support.rabbitmq import connect
from tests.support.redis_server import DEPLOY
from tests.support.sandbox import APP_ID, eventually
from voice_notify import UnknownNotification, explain, notify
from voice_notify.domain.notification import OnUnconfirmed
from voice_notify.domain.states import State
from voice_notify.ledger import keys

PAGE = (DEPLOY / "MESSAGES.md").read_text(encoding="utf-8")
#: The smallest message, and the one with everything.
SMALLEST, WHOLE = re.findall(r"^```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
(PROGRAM,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
MOBILE, ETA, EXPIRES = "13800138000", "2026-12-01T09:00:00+08:00", "2026-12-01T10:00:00+08:00"


def filled_in(example: str, **changes: str) -> str:
    """An example of the page with other values, each of which stands in it once."""
    for old, new in changes.items():
        assert example.count(old) == 1, old
        example = example.replace(old, new)
    return example


def send(deployment: Deployment, message: str) -> None:
    """Send a message to the broker of this deployment, with nothing but its protocol."""
    if not deployment.broker_url.startswith("amqp"):
        with redis.Redis.from_url(deployment.redis.url_of("producer")) as client:
            client.lpush(QUEUE, message)
        return
    parts = json.loads(message)
    with connect(deployment.broker_url) as connection:
        channel: Any = connection.default_channel
        amqp_message = channel.prepare_message(
            parts["body"].encode(),
            priority=parts["properties"].get("priority"),
            content_type=parts.get("content-type"),
            headers=parts.get("headers"),
            properties={"delivery_mode": 2},
        )
        channel.basic_publish(amqp_message, exchange="", routing_key=QUEUE, mandatory=True)


@pytest.fixture(autouse=True)
def _declared(running: Deployment) -> None:
    """The queue is there: RabbitMQ drops what has none."""
    log = running.workers[0].log
    assert eventually(lambda: "ready." in log.read_text(encoding="utf-8"))


def test_the_smallest_message(deployment: Deployment) -> None:
    """It is called with its text, under its id; sent again, it is the same notification."""
    mobile = new_mobile()
    message = filled_in(SMALLEST, **{MOBILE: mobile, "order-8812": "order-1"})
    send(deployment, message)
    send(deployment, message)
    assert deployment.finished("order-1").state is State.ACCEPTED
    second = deployment.send(mobile)  # behind the first: when it has ended, a second call of the first would show
    deployment.finished(second)
    assert [call["param"] for call in deployment.calls(mobile)] == ["张三,3号楼"] * 2


def test_a_message_with_everything(deployment: Deployment) -> None:
    """Each field means what the page says."""
    at = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=10)
    times = {ETA: at.isoformat(), EXPIRES: (at + timedelta(hours=1)).isoformat()}
    mobile = new_mobile()
    send(deployment, filled_in(WHOLE, **{MOBILE: mobile, "order-8813": "order-2"}, **times))
    assert eventually(lambda: is_known("order-2"))
    known = explain("order-2")
    assert (known.record.state, known.reason, known.record.priority) == (State.WAITING, "not_before", 9)
    assert known.record.deadline_ms == pytest.approx((at + timedelta(hours=1)).timestamp() * 1000, abs=2000)
    assert known.eta_ms == pytest.approx(at.timestamp() * 1000, abs=2000)
    assert notify.delay(mobile, TEMPLATE, list(PARAMS), key="8813").id == "order-2"
    with deployment.redis.client() as client:
        assert client.hget(keys.prefix(APP_ID) + "notification:order-2", "policy") == OnUnconfirmed.DEAD_LETTER


def is_known(id_: str) -> bool:
    """Whether a worker has taken the message."""
    try:
        return bool(explain(id_))
    except UnknownNotification:
        return False


@pytest.mark.parametrize("left_out", ["headers", "body", "content-type", "properties"])
def test_nothing_of_the_smallest_can_be_left_out(deployment: Deployment, left_out: str) -> None:
    """As the page says: it is set aside, and nobody is called."""
    if deployment.broker_url.startswith("amqp") and left_out in ("body", "properties"):
        pytest.skip("of messages on Redis")
    mobile = new_mobile()
    message = json.loads(filled_in(SMALLEST, **{MOBILE: mobile, "order-8812": f"order-{left_out}"}))
    del message[left_out]
    send(deployment, json.dumps(message))
    with deployment.redis.client() as client:
        assert eventually(lambda: client.llen(keys.prefix(APP_ID) + keys.SET_ASIDE) == 1)
    assert deployment.calls(mobile) == []


def test_the_program(deployment: Deployment) -> None:
    """Celery's `send_task`, in a process that has no setting of this package."""
    mobile = new_mobile()
    urls = {"redis://127.0.0.1:6379/0": deployment.broker_url, "YOUR_APP_ID": APP_ID}
    program = filled_in(PROGRAM, **{MOBILE: mobile, "order-8814": "order-3"}, **urls)
    subprocess.run([sys.executable, "-c", program], check=True, env=without_settings(), timeout=60)  # noqa: S603 - of the page
    assert deployment.finished("order-3").state is State.ACCEPTED
    assert notify.delay(mobile, TEMPLATE, list(PARAMS), key="8814").id == "order-3"
