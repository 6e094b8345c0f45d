"""What an older version left in Redis and in the broker is taken over by a worker of this one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.deployment import PARAMS, TEMPLATE, deploy, new_mobile, third_party_producer
from voice_notify.domain.states import State

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("task", ["voice_notify.deliver", "voice_notify.wake"])
def test_an_old_wakeup_is_thrown_away_quietly(tmp_path: Path, task: str) -> None:
    """It was for something that is in the ledger. Another unknown task is reported, as Celery does."""
    with deploy(tmp_path) as deployment:
        with third_party_producer(deployment.broker_url) as shop:
            shop.send_task(task, [["an-id"]])
            shop.send_task("shop.something", ["another"])
            shop.send_task("voice_notify.notify", [new_mobile(), TEMPLATE, list(PARAMS)], task_id="order-1")
        worker = deployment.start_worker()
        assert deployment.finished("order-1").state is State.ACCEPTED
        log = worker.log.read_text(encoding="utf-8")
        assert f"'{task}'" not in log
        assert "shop.something" in log
        with deployment.redis.client() as client:
            assert client.llen("unacked") == 0
