"""The number and the text stay in the ledger (DESIGN.md, The one idea)."""

from __future__ import annotations

import pytest

from tests.support.deployment import PARAMS, QUEUE, deploy, new_mobile
from tests.support.rabbitmq import connect
from tests.support.sandbox import APP_ID
from voice_notify.ledger import keys


def test_a_submit_puts_nothing_into_the_broker(tmp_path_factory: pytest.TempPathFactory, broker_url: str) -> None:
    """Whoever reads its queue learns neither whom we call nor what we say; and a wake-up names nothing."""
    mobile = new_mobile()
    with deploy(tmp_path_factory.mktemp("deployment"), broker_url=broker_url) as deployment:
        deployment.send(mobile, kwargs={"key": "order-8815"})
        with connect(broker_url or deployment.redis.url) as connection:
            connection.default_channel.queue_declare(QUEUE, durable=True, auto_delete=False, passive=False)
            assert connection.default_channel.basic_get(QUEUE, no_ack=True) is None
        with deployment.redis.client() as client:
            assert client.lrange(keys.prefix(APP_ID) + keys.WAKE, 0, -1) == ["1"]
            others = [key for key in client.scan_iter("*") if not key.startswith(keys.prefix(APP_ID))]
            assert not [key for key in others if any(secret in key for secret in (mobile, *PARAMS, "order-8815"))]
