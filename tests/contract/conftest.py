"""One suite over every store: each test of this folder runs on fakeredis and on a real Redis server."""

from __future__ import annotations

from collections.abc import Iterator

import fakeredis
import pytest
import redis

from tests.support.account import Account
from tests.support.redis_server import RedisServer
from voice_notify.ledger.client import Client


@pytest.fixture(params=["fakeredis", "redis"])
def client(request: pytest.FixtureRequest) -> Iterator[redis.Redis]:
    """A client of an empty store."""
    if request.param == "fakeredis":
        yield fakeredis.FakeRedis(decode_responses=True)
        return
    server: RedisServer = request.getfixturevalue("redis_server")
    with Client.from_url(server.url, decode_responses=True, protocol=2) as client:
        client.flushdb()
        yield client


@pytest.fixture
def account(client: redis.Redis) -> Account:
    """An account with nothing in it, on virtual time."""
    return Account(client)
