"""What the Redis server says about itself, for `voice-notify doctor`."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import redis

from voice_notify.errors import StoreUnavailable

if TYPE_CHECKING:
    from voice_notify.settings import Settings


#: Fields of INFO that are not `ok` where the last write of that kind failed.
_WRITES = {
    "aof_last_write_status": "append-only file",
    "aof_last_bgrewrite_status": "rewrite of the append-only file",
    "rdb_last_bgsave_status": "snapshot",
}


@dataclass(frozen=True, slots=True)
class Inspection:
    """One look at the server; what it does not tell is None."""

    version: tuple[int, ...]
    maxmemory_policy: str | None
    appendonly: bool | None
    appendfsync: str | None
    clock_ahead_ms: int  #: its clock less this host's
    memory_used: int | None = None  #: bytes
    memory_limit: int | None = None  #: bytes; 0: none
    failed_writes: tuple[str, ...] = ()  #: what it last failed to write to disk
    is_replica: bool = False
    replicas: int = 0
    replicas_behind: int = 0  #: of these, those that are not online


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
                memory_used=info.get("used_memory"),
                memory_limit=info.get("maxmemory"),
                failed_writes=tuple(name for field, name in _WRITES.items() if info.get(field, "ok") != "ok"),
                is_replica=info.get("role") == "slave",
                replicas=int(info.get("connected_slaves", 0)),
                replicas_behind=sum(each.get("state") != "online" for each in _replicas(info)),
            )
    except redis.RedisError as error:
        raise StoreUnavailable(str(error)) from error


def _replicas(info: dict[str, Any]) -> list[dict[str, Any]]:
    return [value for name, value in info.items() if re.fullmatch(r"slave\d+", name) and isinstance(value, dict)]


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
