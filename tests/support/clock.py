"""Virtual time for the scripts: they read a key that only the test writes, and their keys expire by it."""

from __future__ import annotations

import time
from typing import Any

import redis

#: The text that takes the place of `lua/shared/clock.lua`.
CLOCK_LUA = """
local function server_ms()
  return tonumber(redis.call('GET', KEYS[1] .. 'test:now'))
end
"""

#: Out of the server's reach: the time to live of a key that expires by virtual time.
_TAKEN_OVER_MS = 10**12
#: Takes over all keys that have a time to live. Reply: for each its name and that time (ms); more than half of
#: `_TAKEN_OVER_MS`: no script has set it since.
_TAKE_OVER_LUA = """
local lives = {}
for _, key in ipairs(redis.call('KEYS', ARGV[1])) do
  local ms = redis.call('PTTL', key)
  if ms >= 0 then
    lives[#lives + 1] = {key, ms}
    redis.call('PEXPIRE', key, ARGV[2])
  end
end
return lives
"""

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

#: Noon in China, half a day before the provider's next day: 2025-06-01T12:00:00+08:00.
NOON = 1_748_750_400_000
#: That day, as the keys of its counters name it: days since 1970-01-01, China time.
TODAY = "20240"


class Clock:
    """The time of one account, in milliseconds since the epoch; it stands still until it is moved.

    What a script gave a time to live is gone when virtual time has passed it: never sooner, and later only by as much
    real time as a test took between two looks, of which each move is one.
    """

    def __init__(self, client: redis.Redis, prefix: str, start: int = NOON) -> None:
        self._client = client
        self._key = prefix + "test:now"
        self._all_keys = prefix + "*"
        self._ends: dict[str, float] = {}
        self._looked_at = time.monotonic()
        self.now = start
        self.set(start)

    def set(self, now: int) -> None:
        """Make it `now`."""
        if now != self.now:
            self._expire(now)
        self.now = now
        self._client.set(self._key, now)

    def advance(self, milliseconds: int) -> None:
        """Let time pass."""
        self.set(self.now + milliseconds)

    def look(self) -> None:
        """Take over what was given a time to live since the last look."""
        before = time.monotonic()
        lives: Any = self._client.eval(_TAKE_OVER_LUA, 0, self._all_keys, _TAKEN_OVER_MS)
        # The server has counted down in real time since, and leaves out parts of a millisecond.
        lost_ms = (time.monotonic() - self._looked_at) * 1000 + 1
        self._looked_at = before
        self._ends = {key: self._ends[key] if ms > _TAKEN_OVER_MS / 2 else self.now + ms + lost_ms for key, ms in lives}

    def _expire(self, now: int) -> None:
        """Delete what a server whose clock goes from `self.now` to `now` would have forgotten by then."""
        self.look()
        over = [key for key, end in self._ends.items() if end <= now]
        if over:
            self._client.delete(*over)
