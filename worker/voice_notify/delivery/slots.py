"""The calls that one process may have in flight, and its sleep while there is nothing to begin."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

#: How long to wait for more free slots where few are free, so that one round trip begins several calls.
_BATCH_WINDOW_S = 0.002


class Room(NamedTuple):
    """How many more calls may begin."""

    most: int
    ordinary: int  #: of these, below the urgent priority


class Slots:
    """Counts the calls in flight of one process: one thread uses slots, many give them back.

    `reserved` of them are only for urgent calls, so that a provider that hangs does not keep an alarm waiting.
    """

    def __init__(self, ordinary: int, reserved: int = 0) -> None:
        self._total = self._free = ordinary + reserved
        self._reserved = reserved
        self._awaited = 0  # free slots that the dispatcher waits for; 0: none
        self._woken = self._asleep = self._closed = False
        self._changed = threading.Condition()

    @property
    def room(self) -> Room:
        """What is free."""
        return Room(self._free, max(0, self._free - self._reserved))

    def wait_for_room(self) -> Room:
        """Wait until a slot is free, and a moment longer for more; no room once closed."""
        with self._changed:
            self._wait_for_free(1, None)
            if self._free:
                self._wait_for_free((self._total + 1) // 2, _BATCH_WINDOW_S)
            return Room(0, 0) if self._closed else self.room

    def use(self, count: int) -> None:
        """Take so many of the free slots."""
        with self._changed:
            self._free -= count

    def give_back(self, count: int = 1) -> None:
        """Return slots."""
        with self._changed:
            self._free += count
            if 0 < self._awaited <= self._free:
                self._changed.notify_all()

    def sleep(self, seconds: float, *, for_ordinary: bool) -> None:
        """Sleep until woken, or, where there was no room `for_ordinary` calls, until there is."""
        with self._changed:
            self._asleep = True
            self._awaited = self._reserved + 1 if for_ordinary else 0
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._woken or self._closed or 0 < self._awaited <= self._free, seconds)
            self._asleep = self._woken = False
            self._awaited = 0

    def wake(self) -> None:
        """End the sleep, or the next one."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def wait_until_asleep(self) -> bool:
        """Wait for the dispatcher to sleep. Returns whether it does: not once closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._asleep or self._closed)
            return not self._closed

    def wait_until_free(self) -> None:
        """Wait until no call is in flight."""
        with self._changed:
            self._awaited = self._total
            self._changed.wait_for(lambda: self._free == self._total)

    def close(self) -> None:
        """End every wait for room and every sleep."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _wait_for_free(self, free: int, seconds: float | None) -> None:
        self._awaited = free
        enough: Callable[[], bool] = lambda: self._free >= free or self._closed  # noqa: E731
        self._changed.wait_for(enough, seconds)
        self._awaited = 0
