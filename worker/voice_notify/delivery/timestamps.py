"""What time it is, for the provider, which compares it with a clock of its own."""

from __future__ import annotations

import time


class Timestamps:
    """The time in requests: Redis's, so that a worker's host may have a wrong clock; unless Redis's was moved.

    Three times are known: of the Redis server now; of the ledger, which never goes back; and what the server's would be
    if it had only gone on since this process began. They agree, or a clock was moved: then the one nearest to this
    host's clock counts.
    """

    def __init__(self) -> None:
        self._first: tuple[int, float] | None = None  # of the server, and `time.monotonic()`

    def see(self, server_ms: int) -> None:
        """Take note of the server's time, as this process learns it."""
        if self._first is None:
            self._first = server_ms, time.monotonic()

    def at(self, ledger_ms: int, *, ahead_ms: int) -> int:
        """Now, in milliseconds since the epoch, when the ledger's clock is so far ahead of its server's."""
        server_ms = ledger_ms - ahead_ms
        self.see(server_ms)
        first_ms, since = self._first or (server_ms, time.monotonic())
        gone_on_ms = first_ms + round((time.monotonic() - since) * 1000)
        host_ms = time.time() * 1000
        return min(server_ms, ledger_ms, gone_on_ms, key=lambda each: abs(each - host_ms))
