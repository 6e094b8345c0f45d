"""The demo's last resort where no Redis is installed: fakeredis behind a socket."""

from __future__ import annotations

from pathlib import Path

import pytest
import redis
from voice_notify.demo.servers import RedisProgram, run_redis


def test_fakeredis_goes_on_after_an_error(tmp_path: Path) -> None:
    """It answers, and an error is the reply to one command of a pipeline, not the end of the connection."""
    with (
        run_redis(RedisProgram(binary=None), tmp_path) as server,
        redis.Redis.from_url(server.url, decode_responses=True, protocol=2) as client,
        client.pipeline(transaction=False) as pipe,
    ):
        pipe.set("key", "value").lpush("key", "item").get("key")
        stored, refused, found = pipe.execute(raise_on_error=False)
        assert (stored, found) == (True, "value")
        with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
            raise refused
