"""Redis or the broker goes down under load: nothing is lost, and no window is broken (DESIGN.md, G1 and G2)."""

from __future__ import annotations

import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

import voice_notify
from tests.support.deployment import PARAMS, TEMPLATE, Deployment, deploy, new_mobile, third_party_producer
from tests.support.redis_server import run_redis_server
from tests.support.sandbox import eventually
from tests.support.worker import CRASHING_APP
from voice_notify import StoreUnavailable
from voice_notify.domain.states import State

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.redis_server import RedisServer

NUMBERS = 50


class Application:
    """Submits one notification after another, and what it could not submit again with the same key."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.refused = 0  #: times that it learned that Redis is not there

    def submit(self, mobiles: list[str], key: str) -> None:
        """Submit a notification for each number."""
        for mobile in mobiles:
            while not self._submitted(mobile, f"{key}-{mobile}"):
                time.sleep(0.02)

    def _submitted(self, mobile: str, key: str) -> bool:
        try:
            self.ids.append(voice_notify.notify.delay(mobile, TEMPLATE, PARAMS, key=key).id)
        except StoreUnavailable:
            self.refused += 1
            return False
        return True


def assert_all_called(deployment: Deployment, ids: list[str]) -> None:
    """Each phone rang once for each notification, and once more at most for each attempt of unknown outcome."""
    least: Counter[str] = Counter()
    most: Counter[str] = Counter()
    for record in deployment.all_finished(ids):
        assert record.state is State.ACCEPTED
        least[record.mobile] += 1
        most[record.mobile] += 1 + record.unconfirmed
    calls = Counter(call["mobile"] for call in deployment.sandbox.get("/calls"))
    assert calls.keys() == least.keys()
    assert least <= calls <= most
    assert deployment.violations() == []


def test_nothing_is_lost_when_redis_is_killed_and_restarted(tmp_path: Path) -> None:
    """What was submitted before, during and after the outage is called, and each repetition is explained."""
    mobiles = [new_mobile() for _ in range(NUMBERS)]
    application = Application()
    with deploy(tmp_path, append_only=True, app=CRASHING_APP) as deployment, ThreadPoolExecutor(1) as thread:
        deployment.start_worker()
        deployment.script(latency=0.1)
        application.submit(mobiles, "first")
        assert eventually(lambda: len(deployment.sandbox.get("/calls")) >= NUMBERS // 5)
        deployment.redis.kill()
        second = thread.submit(application.submit, mobiles, "second")
        assert eventually(lambda: application.refused > 0)
        deployment.redis.start()
        second.result(timeout=30)
        assert_all_called(deployment, application.ids)


@pytest.fixture
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A second Redis, which keeps nothing on disk."""
    with run_redis_server(tmp_path_factory.mktemp("broker")) as server:
        yield server


def test_nothing_is_lost_when_the_broker_comes_back_empty(tmp_path: Path, broker: RedisServer) -> None:
    """A notification needs no broker to be submitted, and every wake-up that was lost is sent again."""
    mobiles = [new_mobile() for _ in range(NUMBERS)]
    application = Application()
    with deploy(tmp_path, broker_url=broker.url, app=CRASHING_APP) as deployment:
        deployment.start_worker()
        application.submit(mobiles, "first")
        broker.kill()
        application.submit(mobiles, "second")
        broker.start()
        assert_all_called(deployment, application.ids)
        assert application.refused == 0


def test_nothing_is_lost_when_the_broker_forgets_everything(tmp_path: Path, broker: RedisServer) -> None:
    """Wake-ups and the broker's own tables vanish under a running worker; what waited is called all the same."""
    mobiles = [new_mobile() for _ in range(NUMBERS)]
    application = Application()
    with deploy(tmp_path, broker_url=broker.url, app=CRASHING_APP) as deployment, broker.client() as client:
        deployment.start_worker()
        application.submit(mobiles, "first")
        client.flushall()
        application.submit(mobiles, "second")
        assert_all_called(deployment, application.ids)


def test_a_worker_that_owes_an_acknowledgement_outlives_the_broker(tmp_path: Path, broker: RedisServer) -> None:
    """The worker outlives it and calls what comes later; the message itself is the broker's to keep."""
    with deploy(tmp_path, broker_url=broker.url, app=CRASHING_APP) as deployment:
        worker = deployment.start_worker()
        worker.signal_children(signal.SIGSTOP)
        with third_party_producer(broker.url) as shop:
            shop.send_task("voice_notify.notify", [new_mobile(), TEMPLATE, list(PARAMS)], task_id="order-8814")
        assert eventually(lambda: "notify[order-8814] received" in worker.log.read_text(encoding="utf-8"))
        broker.kill()
        assert eventually(lambda: "Connection to broker lost" in worker.log.read_text(encoding="utf-8"))
        broker.start()
        worker.signal_children(signal.SIGCONT)
        assert deployment.finished(deployment.send(new_mobile())).state is State.ACCEPTED
        assert worker.running


def test_a_hanging_broker_holds_up_no_application(tmp_path: Path, broker: RedisServer) -> None:
    """An application is not held up by a broker that takes connections and answers nothing, and nothing is lost."""
    mobiles = [new_mobile() for _ in range(10)]
    application = Application()
    with deploy(tmp_path, broker_url=broker.url, app=CRASHING_APP) as deployment, broker.client() as client:
        deployment.start_worker()
        client.client_pause(60_000, all=False)
        with ThreadPoolExecutor(1) as thread:
            thread.submit(application.submit, mobiles, "first").result(timeout=15)
        client.client_unpause()
        assert_all_called(deployment, application.ids)
