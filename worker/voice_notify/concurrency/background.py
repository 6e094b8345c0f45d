"""Threads that handle what is put to them: the one loop that calls, settlements, task events and dispatching share."""

from __future__ import annotations

import queue
import threading
import time
from typing import TYPE_CHECKING, Generic, TypeVar

from voice_notify.monitoring.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable

log = get_logger(__name__)

Item = TypeVar("Item")

#: How long a handler that raised is left alone (seconds).
_PAUSE_AFTER_FAILURE_S = 1.0


class Background(Generic[Item]):
    """Daemon threads that hand items to `handle`, up to `most` at once, in the order in which they were put.

    `handle` may return seconds: if nothing is put in that time, it is called again, with no items; at the start it is
    called at once if `ticks`. What it raises is logged, and the thread goes on.

    Plain threads: a pool of futures, which nobody waits for, costs as much as half a round trip to Redis.
    """

    def __init__(  # noqa: PLR0913 - how it handles
        self,
        name: str,
        handle: Callable[[list[Item]], float | None],
        *,
        threads: int = 1,
        most: int = 1,
        batch_window_s: float = 0.0,  # after the first item, how long to wait for others to handle with it
        ticks: bool = False,
        finish: Callable[[], None] = lambda: None,  # what each thread does in its end
    ) -> None:
        self._handle = handle
        self._most = most
        self._batch_window_s = batch_window_s
        self._ticks = ticks
        self._finish = finish
        self._items: queue.SimpleQueue[Item | None] = queue.SimpleQueue()
        self._threads = [threading.Thread(target=self._run, name=name, daemon=True) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    @property
    def pending(self) -> int:
        """How many items wait."""
        return self._items.qsize()

    def put(self, item: Item) -> None:
        """Have `item` handled soon."""
        self._items.put(item)

    def close(self, timeout: float | None = None) -> None:
        """Handle what is left, and end; give up after `timeout` seconds."""
        for _ in self._threads:
            self._items.put(None)
        for thread in self._threads:
            thread.join(timeout)

    def _run(self) -> None:
        wait: float | None = 0.0 if self._ticks else None
        is_open = True
        while is_open:
            batch = self._take(wait)
            is_open = None not in batch
            items = [item for item in batch if item is not None]
            if items or not batch:
                wait = self._try(items)
        self._finish()

    def _take(self, wait: float | None) -> list[Item | None]:
        """What was put, at least one; nothing if that is not within `wait` seconds."""
        try:
            batch = [self._items.get(timeout=wait)]
        except queue.Empty:
            return []
        if self._batch_window_s:
            time.sleep(self._batch_window_s)
        while len(batch) < self._most and not self._items.empty():
            batch.append(self._items.get())
        return batch

    def _try(self, items: list[Item]) -> float | None:
        try:
            return self._handle(items)
        except Exception:
            log.exception("background work failed")
            return _PAUSE_AFTER_FAILURE_S if self._ticks else None
