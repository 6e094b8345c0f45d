"""What `voice-notify doctor` makes of what the Redis server says about itself."""

from __future__ import annotations

from collections.abc import Iterator

from voice_notify.documents.doctor import FindingDocument
from voice_notify.ledger.redis_server import Inspection

#: The oldest Redis whose scripts and commands suffice.
_OLDEST_REDIS = (6, 2)
#: Two clocks may differ by so much before it is a warning.
_CLOCK_TOLERANCE_MS = 1000
#: The share of its memory above which Redis is nearly full.
_NEARLY_FULL = 0.8


def check_server(found: Inspection, url: str) -> Iterator[FindingDocument]:
    """Its version, memory, persistence, replicas and clock; `url` has no password."""
    yield _version(found, url)
    yield _memory(found)
    yield _persistence(found)
    if found.is_replica or found.replicas:
        yield _replicas(found)
    yield _clock(found)


def _version(found: Inspection, url: str) -> FindingDocument:
    text = f"{'.'.join(str(part) for part in found.version)} at {url}"
    if found.version < _OLDEST_REDIS:
        return FindingDocument.failed("redis", text, "install Redis 6.2 or newer, or Valkey")
    return FindingDocument.ok("redis", text)


def _memory(found: Inspection) -> FindingDocument:
    check, policy = "redis memory", found.maxmemory_policy
    advice = "set maxmemory-policy noeviction: else Redis throws notifications and windows away when memory is short"
    if policy is None:
        return FindingDocument.warning(check, "the server does not tell its maxmemory-policy", advice)
    if policy != "noeviction":
        return FindingDocument.failed(check, policy, advice)
    used, limit = found.memory_used or 0, found.memory_limit
    if not limit:
        return FindingDocument.ok(check, policy)
    text = f"{policy}, {used / limit:.0%} of {limit / 2**20:,.0f} MB used"
    if used > limit * _NEARLY_FULL:
        advice = "raise maxmemory, or shorten the setting retention: a full Redis takes nothing and grants no call"
        return FindingDocument.warning(check, text, advice)
    return FindingDocument.ok(check, text)


def _persistence(found: Inspection) -> FindingDocument:
    check = "redis persistence"
    if found.failed_writes:
        text = f"it could not write its {' and its '.join(found.failed_writes)}"
        return FindingDocument.failed(
            check, text, "look at its log and its disk, which may be full: it may refuse writes"
        )
    if not found.appendonly:
        text = "append-only file off" if found.appendonly is False else "the server does not tell its appendonly"
        advice = "set appendonly yes: else a restart of Redis loses notifications"
        return FindingDocument.warning(check, text, advice)
    text = f"append-only file on, appendfsync {found.appendfsync or 'not told'}"
    if found.appendfsync == "no":
        return FindingDocument.warning(check, text, "set appendfsync everysec, or always: a power failure loses much")
    return FindingDocument.ok(check, text)


def _replicas(found: Inspection) -> FindingDocument:
    check = "redis replicas"
    if found.is_replica:
        return FindingDocument.failed(
            check, "this is one: it takes no writes", "set VOICE_NOTIFY_REDIS_URL to the primary"
        )
    text = f"{found.replicas - found.replicas_behind} of {found.replicas} online"
    if found.replicas_behind:
        return FindingDocument.warning(
            check, text, "look at the replicas: a failover to one that is behind loses notifications"
        )
    return FindingDocument.ok(check, text)


def _clock(found: Inspection) -> FindingDocument:
    difference = found.clock_ahead_ms
    text = f"Redis's is {abs(difference)} ms {'ahead' if difference > 0 else 'behind'}"
    if abs(difference) > _CLOCK_TOLERANCE_MS:
        return FindingDocument.warning(
            "clock", text, "keep both hosts' clocks with NTP: the provider checks the timestamp"
        )
    return FindingDocument.ok("clock", text)
