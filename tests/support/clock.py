"""Virtual time for the scripts: they read a key that only the test writes."""

from __future__ import annotations

import redis

#: The text that takes the place of `lua/shared/clock.lua`.
CLOCK_LUA = """
local function clock_ms()
  return tonumber(redis.call('GET', KEYS[1] .. 'test:now'))
end
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
    """The time of one account, in milliseconds since the epoch; it stands still until it is moved."""

    def __init__(self, client: redis.Redis, prefix: str, start: int = NOON) -> None:
        self._client = client
        self._key = prefix + "test:now"
        self.now = start
        self.set(start)

    def set(self, now: int) -> None:
        """Make it `now`."""
        self.now = now
        self._client.set(self._key, now)

    def advance(self, milliseconds: int) -> None:
        """Let time pass."""
        self.set(self.now + milliseconds)
