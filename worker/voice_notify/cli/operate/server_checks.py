"""What `voice-notify doctor` makes of what the Redis server says about itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voice_notify.cli.operate.finding import Finding, Level

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voice_notify.ledger.server import Inspection

#: The oldest Redis whose scripts and commands suffice.
_OLDEST_REDIS = (6, 2)
#: More difference between two clocks than this is noticed, in milliseconds.
_CLOCK_TOLERANCE_MS = 1000
#: A Redis whose memory is used up to this share is nearly full.
_FULL = 0.8


def check_server(found: Inspection, url: str) -> Iterator[Finding]:
    """Its version, memory, persistence, replicas and clock; `url` has no password."""
    yield _version(found, url)
    yield _memory(found)
    yield _persistence(found)
    if found.is_replica or found.replicas:
        yield _replicas(found)
    yield _clock(found)


def _version(found: Inspection, url: str) -> Finding:
    text = f"{'.'.join(str(part) for part in found.version)} at {url}"
    if found.version < _OLDEST_REDIS:
        return Finding("redis", Level.FAILED, text, "install Redis 6.2 or newer, or Valkey")
    return Finding("redis", Level.OK, text)


def _memory(found: Inspection) -> Finding:
    check, policy = "redis memory", found.maxmemory_policy
    advice = "set maxmemory-policy noeviction: else Redis throws notifications and windows away when memory is short"
    if policy is None:
        return Finding(check, Level.WARNING, "the server does not tell its maxmemory-policy", advice)
    if policy != "noeviction":
        return Finding(check, Level.FAILED, policy, advice)
    used, limit = found.memory_used or 0, found.memory_limit
    if not limit:
        return Finding(check, Level.OK, policy)
    text = f"{policy}, {used / limit:.0%} of {limit / 2**20:,.0f} MB used"
    if used > limit * _FULL:
        advice = "raise maxmemory, or shorten the setting retention: a full Redis takes nothing and grants no call"
        return Finding(check, Level.WARNING, text, advice)
    return Finding(check, Level.OK, text)


def _persistence(found: Inspection) -> Finding:
    check = "redis persistence"
    if found.failed_writes:
        text = f"it could not write its {' and its '.join(found.failed_writes)}"
        return Finding(
            check, Level.FAILED, text, "look at its log and its disk, which may be full: it may refuse writes"
        )
    if not found.appendonly:
        text = "append-only file off" if found.appendonly is False else "the server does not tell its appendonly"
        advice = "set appendonly yes: else a restart of Redis loses notifications"
        return Finding(check, Level.WARNING, text, advice)
    text = f"append-only file on, appendfsync {found.appendfsync or 'not told'}"
    if found.appendfsync == "no":
        return Finding(check, Level.WARNING, text, "set appendfsync everysec, or always: a power failure loses much")
    return Finding(check, Level.OK, text)


def _replicas(found: Inspection) -> Finding:
    check = "redis replicas"
    if found.is_replica:
        return Finding(
            check, Level.FAILED, "this is one: it takes no writes", "set VOICE_NOTIFY_REDIS_URL to the primary"
        )
    text = f"{found.replicas - found.replicas_behind} of {found.replicas} online"
    if found.replicas_behind:
        return Finding(
            check, Level.WARNING, text, "look at the replicas: a failover to one that is behind loses notifications"
        )
    return Finding(check, Level.OK, text)


def _clock(found: Inspection) -> Finding:
    difference = found.clock_ahead_ms
    text = f"Redis's is {abs(difference)} ms {'ahead' if difference > 0 else 'behind'}"
    if abs(difference) > _CLOCK_TOLERANCE_MS:
        return Finding(
            "clock", Level.WARNING, text, "keep both hosts' clocks with NTP: the provider checks the timestamp"
        )
    return Finding("clock", Level.OK, text)
