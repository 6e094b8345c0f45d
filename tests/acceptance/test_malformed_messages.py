"""Whatever stands in the queue or comes over the control channel, the worker lives, and goes on with the next."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.support import malformed
from tests.support.deployment import PARAMS, QUEUE, TEMPLATE, Deployment, deploy, new_mobile, third_party_producer
from tests.support.rabbitmq import connect
from tests.support.sandbox import APP_ID, eventually
from tests.support.worker import CRASHING_APP, HUNGRY, KILLER
from voice_notify import UnknownNotification, explain
from voice_notify.domain.states import State
from voice_notify.ledger import keys
from voice_notify.ledger.broker_messages import KEPT_FOR, KEPT_MESSAGES

SET_ASIDE = keys.prefix(APP_ID) + keys.SET_ASIDE


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, broker_url: str) -> Iterator[Deployment]:
    """A deployment of one worker, whose processes a message can kill."""
    folder = tmp_path_factory.mktemp("deployment")
    with deploy(folder, broker_url=broker_url, app=CRASHING_APP) as deployment:
        yield deployment


@pytest.fixture
def deployment(running: Deployment) -> Iterator[Deployment]:
    """That deployment with nothing in it; the worker outlives the test."""
    running.reset()
    if not any(worker.running for worker in running.workers):
        running.start_worker()
    assert eventually(lambda: "ready." in log_of(running))  # its queue is there: RabbitMQ drops what has none
    pid = running.workers[-1].pid
    yield running
    assert running.workers[-1].running
    assert running.workers[-1].pid == pid
    assert "Connection to broker lost" not in log_of(running)
    assert running.violations() == []


def log_of(deployment: Deployment) -> str:
    """What its worker has written."""
    return deployment.workers[-1].log.read_text(encoding="utf-8")


def set_aside(deployment: Deployment) -> list[dict[str, Any]]:
    """The messages that were set aside, the newest first."""
    with deployment.redis.client() as client:
        entries: Any = client.lrange(SET_ASIDE, 0, -1)
    return [json.loads(entry) for entry in entries]


def calls_go_on(deployment: Deployment) -> None:
    """A third-party producer's message and an ordinary notification are called."""
    id_ = deployment.send(new_mobile())
    with third_party_producer(deployment.broker_url) as shop:
        theirs = shop.send_task("voice_notify.notify", [new_mobile(), TEMPLATE, list(PARAMS)]).id
    assert {each.state for each in deployment.all_finished([id_, theirs])} == {State.ACCEPTED}


def is_known(id_: str) -> bool:
    """Whether the ledger has a notification."""
    try:
        return bool(explain(id_))
    except UnknownNotification:
        return False


def test_no_message_ends_the_worker(deployment: Deployment) -> None:
    """All kinds at once: each is set aside, in one line of the log without its content, and nobody is called."""
    sent = malformed.send_to_queue(deployment.broker_url)
    calls_go_on(deployment)
    assert eventually(lambda: log_of(deployment).count("message set aside") >= sent), log_of(deployment)
    assert log_of(deployment).count("message set aside") == sent
    assert eventually(lambda: malformed.nothing_is_held(deployment))
    assert len(set_aside(deployment)) == min(sent, KEPT_MESSAGES)
    log = log_of(deployment)
    assert malformed.MOBILE not in log
    assert PARAMS[0] not in log
    assert "Traceback" not in log
    assert deployment.calls(malformed.MOBILE) == []


def test_no_broadcast_ends_the_worker(deployment: Deployment) -> None:
    """All kinds at once. The worker still takes messages from its queue, and answers a command."""
    amqp = deployment.broker_url.startswith("amqp")
    url = deployment.broker_url if amqp else deployment.redis.url_of("operator")
    malformed.send_to_control_channel(url)
    calls_go_on(deployment)
    answered = third_party_producer(url).control.ping(timeout=5, limit=1)
    assert answered == [{deployment.workers[-1].name: {"ok": "pong"}}]
    assert eventually(lambda: malformed.nothing_is_held(deployment))


def test_what_is_kept_of_a_message(deployment: Deployment) -> None:
    """Its raw form and what was wrong with it, for a person to look at, not for ever; the log has its reference."""
    with third_party_producer(deployment.broker_url) as shop:
        shop.send_task("shop.unknown", [malformed.MOBILE], task_id="order-1")
    assert eventually(lambda: bool(set_aside(deployment)))
    (entry,) = set_aside(deployment)
    assert (entry["error"], entry["worker"]) == ("UnknownTask", deployment.workers[-1].name)
    assert "order-1" in entry["message"]
    assert f"reference={entry['reference']}" in log_of(deployment)
    with deployment.redis.client() as client:
        left: Any = client.ttl(SET_ASIDE)
    assert 0 < left <= KEPT_FOR / timedelta(seconds=1)


@pytest.mark.parametrize(
    ("id_", "death"),
    [(KILLER, r"Process 'ForkPoolWorker-\d+' pid:\d+ exited"), (HUNGRY, r"raised unexpected: MemoryError")],
)
def test_a_message_that_takes_all_memory_is_given_up(deployment: Deployment, id_: str, death: str) -> None:
    """The third delivery is the last, and the next message has its turn."""
    before = len(log_of(deployment))
    with third_party_producer(deployment.broker_url) as shop:
        shop.send_task("voice_notify.notify", [new_mobile(), TEMPLATE, list(PARAMS)], task_id=id_)
    assert eventually(lambda: "DeliveredTooOften" in log_of(deployment)[before:]), log_of(deployment)
    assert len(re.findall(death, log_of(deployment)[before:])) == 3
    assert [entry["error"] for entry in set_aside(deployment)] == ["DeliveredTooOften"]
    calls_go_on(deployment)
    assert eventually(lambda: malformed.nothing_is_held(deployment))


def test_a_message_of_another_language_is_called(deployment: Deployment) -> None:
    """One of Celery's first protocol, without headers."""
    mobile = new_mobile()
    with connect(deployment.broker_url) as connection:
        channel = connection.default_channel
        body = {"task": malformed.TASK, "id": mobile, "args": [mobile, TEMPLATE, list(PARAMS)], "kwargs": {}}
        if deployment.broker_url.startswith("amqp"):
            message = malformed.amqp_message(channel, body, headers={})
            channel.basic_publish(message, exchange="", routing_key=QUEUE)
        else:
            channel.client.lpush(QUEUE, json.dumps(malformed.envelope(body, headers=None)))
    assert deployment.finished(mobile).state is State.ACCEPTED


def test_an_eta_waits_in_the_ledger(deployment: Deployment) -> None:
    """A message with `countdown` is no longer in the broker while its time has not come."""
    with third_party_producer(deployment.broker_url) as shop:
        mobile = new_mobile()
        shop.send_task("voice_notify.notify", [mobile, TEMPLATE, list(PARAMS)], task_id=mobile, countdown=2)
    assert eventually(lambda: is_known(mobile))
    assert deployment.reaches(mobile, State.WAITING, "not_before").record.attempts == 0
    assert eventually(lambda: malformed.nothing_is_held(deployment))
    assert deployment.finished(mobile).state is State.ACCEPTED
