"""What the Redis server says about itself, for `voice-notify doctor`."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import redis

from voice_notify.errors import StoreUnavailable

if TYPE_CHECKING:
    from voice_notify.settings import Settings


@dataclass(frozen=True, slots=True)
class Inspection:
    """One look at the server; what it does not tell is None."""

    version: tuple[int, ...]
    maxmemory_policy: str | None
    appendonly: bool | None
    appendfsync: str | None
    clock_ahead_ms: int  #: its clock less this host's


def inspect(settings: Settings) -> Inspection:
    """Ask the server once, and wait two seconds at most. Raises `StoreUnavailable`."""
    try:
        with redis.Redis.from_url(
            settings.redis_url.get_secret_value(),
            decode_responses=True,
            protocol=2,
            socket_connect_timeout=2,
            socket_timeout=2,
            retry=None,
        ) as client:
            info: Any = client.info()
            return Inspection(
                version=tuple(int(part) for part in info["redis_version"].split(".") if part.isdigit()),
                maxmemory_policy=info.get("maxmemory_policy"),
                appendonly=bool(info["aof_enabled"]) if "aof_enabled" in info else None,
                appendfsync=_appendfsync(client),
                clock_ahead_ms=_clock_ahead(client),
            )
    except redis.RedisError as error:
        raise StoreUnavailable(str(error)) from error


def _appendfsync(client: redis.Redis) -> str | None:
    try:
        found: Any = client.config_get("appendfsync")
    except redis.ResponseError:  # hosted servers forbid CONFIG
        return None
    value: str | None = found.get("appendfsync")
    return value


def _clock_ahead(client: redis.Redis) -> int:
    before = time.time()
    seconds, micros = client.time()
    after = time.time()
    return round((seconds + micros / 1e6 - (before + after) / 2) * 1000)
