"""What is RabbitMQ's own. Delivery, crashes and privacy are tested on both brokers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.support.deployment import PARAMS, QUEUE, TEMPLATE, deploy, new_mobile, third_party_producer
from tests.support.rabbitmq import RabbitServer, connect
from tests.support.worker import CRASHING_APP
from voice_notify import explain
from voice_notify.domain.states import State

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.rabbitmq


@pytest.fixture
def broker(rabbitmq: RabbitServer) -> Iterator[RabbitServer]:
    """The server, with no queue of ours."""
    rabbitmq.delete_queue(QUEUE)
    yield rabbitmq
    rabbitmq.delete_queue(QUEUE)


def test_the_queue_is_a_quorum_queue(tmp_path: Path, broker: RabbitServer) -> None:
    """It is replicated where the cluster is: a classic queue of that name is refused."""
    with deploy(tmp_path, broker_url=broker.url) as deployment:
        deployment.start_worker()
        with third_party_producer(broker.url) as shop:
            shop.send_task("voice_notify.notify", [new_mobile(), TEMPLATE, list(PARAMS)], task_id="order-8816")
        deployment.finished("order-8816")
        with connect(broker.url) as connection, pytest.raises(connection.channel_errors, match="quorum"):
            connection.default_channel.queue_declare(QUEUE, durable=True, auto_delete=False)


def test_a_restarted_broker_needs_no_restart_of_the_worker(tmp_path: Path, broker: RabbitServer) -> None:
    """What was submitted before, during and after the outage is called once, without a restart of the worker."""
    mobiles = [new_mobile() for _ in range(30)]
    with deploy(tmp_path, broker_url=broker.url, app=CRASHING_APP) as deployment:
        deployment.start_worker()
        ids = [deployment.send(mobile) for mobile in mobiles]
        broker.stop()
        ids += [deployment.send(mobile) for mobile in mobiles]
        broker.start()
        ids += [deployment.send(mobile) for mobile in mobiles]
        assert {record.state for record in deployment.all_finished(ids)} == {State.ACCEPTED}
        assert {explain(id_).record.unconfirmed for id_ in ids} == {0}
        assert [len(deployment.calls(mobile)) for mobile in mobiles] == [3] * len(mobiles)
        assert deployment.violations() == []


def test_a_broker_that_confirms_nothing_holds_up_no_application(tmp_path: Path, broker: RabbitServer) -> None:
    """An application is not held up by a broker that confirms nothing, and nothing is lost."""
    mobiles = [new_mobile() for _ in range(10)]
    with deploy(tmp_path, broker_url=broker.url, app=CRASHING_APP) as deployment, ThreadPoolExecutor(1) as thread:
        deployment.start_worker()
        deployment.finished(deployment.send(new_mobile()))
        broker.freeze()
        try:
            submitted = thread.submit(lambda: [deployment.send(mobile) for mobile in mobiles])
            ids = submitted.result(timeout=15)
        finally:
            broker.thaw()
        assert {record.state for record in deployment.all_finished(ids)} == {State.ACCEPTED}
        assert [len(deployment.calls(mobile)) for mobile in mobiles] == [1] * len(mobiles)
