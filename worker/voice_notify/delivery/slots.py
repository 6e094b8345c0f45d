"""The calls that one process may have in flight."""

from __future__ import annotations

import threading
import time

#: How long to wait for more free slots where few are free, so that one round trip begins several calls.
_BATCH_WINDOW_S = 0.002


class Slots:
    """Counts the calls in flight of one process; one thread takes, many give back."""

    def __init__(self, total: int) -> None:
        self._total = self._free = total
        self._wanted = 0
        self._changed = threading.Condition()

    def take(self, most: int, until: float) -> int:
        """Take as many free slots as there are, at most `most`; none if none is free by `until` (`time.monotonic`)."""
        with self._changed:
            self._wait_for(1, until - time.monotonic())
            self._wait_for(min(most, (self._total + 1) // 2), _BATCH_WINDOW_S if self._free else 0)
            taken = min(most, self._free)
            self._free -= taken
            return taken

    def give_back(self, count: int = 1) -> None:
        """Return slots."""
        with self._changed:
            self._free += count
            if self._free >= self._wanted:
                self._changed.notify_all()

    def wait_until_free(self) -> None:
        """Wait until no call is in flight."""
        with self._changed:
            self._wait_for(self._total, None)

    def _wait_for(self, free: int, seconds: float | None) -> None:
        self._wanted = free
        self._changed.wait_for(lambda: self._free >= free, seconds)
