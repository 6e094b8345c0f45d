"""The number and the text stay in the ledger (DESIGN.md, The one idea)."""

from __future__ import annotations

import json

import pytest

from tests.support.deployment import PARAMS, QUEUE, deploy, new_mobile
from tests.support.rabbitmq import connect


def test_a_message_in_the_broker_holds_ids_only(tmp_path_factory: pytest.TempPathFactory, broker_url: str) -> None:
    """Whoever reads the broker's queue learns neither whom we call nor what we say."""
    mobile = new_mobile()
    with deploy(tmp_path_factory.mktemp("deployment"), broker_url=broker_url) as deployment:
        id_ = deployment.send(mobile, kwargs={"key": "order-8815"})
        with connect(broker_url or deployment.redis.url) as connection:
            message = connection.default_channel.basic_get(QUEUE, no_ack=True)
    (arguments, keywords, _), headers = json.loads(message.body), message.headers
    assert (arguments, keywords) == ([[id_]], {})
    everything = json.dumps([message.body, headers, message.properties], default=str, ensure_ascii=False)
    assert id_ in everything
    for secret in (mobile, mobile[-8:], *PARAMS, "order-8815"):
        assert secret not in everything
