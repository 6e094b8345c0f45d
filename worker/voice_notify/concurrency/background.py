"""Threads that handle what is put into a queue: the one loop for calls, settlements, task events and dispatching."""

from __future__ import annotations

import queue
import threading
import time
from enum import Enum, auto
from typing import TYPE_CHECKING, Generic, TypeVar

from voice_notify.monitoring.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable

log = get_logger(__name__)

Item = TypeVar("Item")

#: After what a handler that `ticks` is called again if it raised an exception.
_PAUSE_AFTER_FAILURE_S = 1.0


class _Marker(Enum):
    END = auto()  #: in the queue: the thread that takes it ends


class Background(Generic[Item]):
    """Daemon threads that call `handle` with what was put, in that order, up to `most` items at once.

    `handle` may return seconds: if nothing is put in that time, it is called again, without items. One that `ticks` is
    called without items at the start too. Its exceptions are logged, and the thread goes on: then, one that `ticks` is
    called again after a second.

    These are plain threads because nobody waits for a result: a pool's futures would cost half as much as a round trip
    to Redis.

    >>> printer = Background("printer", lambda items: print(*items), most=100)
    >>> printer.put("hello")
    >>> printer.close()
    hello
    """

    def __init__(  # noqa: PLR0913 - how it handles
        self,
        name: str,
        handle: Callable[[list[Item]], float | None],
        *,
        threads: int = 1,
        most: int = 1,
        batch_window_s: float = 0.0,  # after a first item, how long to wait for others to handle with it
        ticks: bool = False,
        finish: Callable[[], None] = lambda: None,  # the last thing that each thread does
    ) -> None:
        self._name = name
        self._handle = handle
        self._most = most
        self._batch_window_s = batch_window_s
        self._ticks = ticks
        self._finish = finish
        self._queue: queue.SimpleQueue[Item | _Marker] = queue.SimpleQueue()
        self._threads = [threading.Thread(target=self._run, name=name, daemon=True) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    @property
    def pending(self) -> int:
        """The number of items that wait."""
        return self._queue.qsize()

    def put(self, item: Item) -> None:
        """Have `item` handled soon; after `close`, never."""
        self._queue.put(item)

    def close(self, timeout: float | None = None) -> None:
        """Have what is left handled, and wait until the threads have ended, in all for `timeout` seconds at most."""
        until = None if timeout is None else time.monotonic() + timeout
        for _ in self._threads:
            self._queue.put(_Marker.END)
        for thread in self._threads:
            thread.join(None if until is None else max(0.0, until - time.monotonic()))

    def _run(self) -> None:
        wait = 0.0 if self._ticks else None
        is_open = True
        while is_open:
            items, is_open = self._take(wait)
            if items or is_open:
                wait = self._try_to_handle(items)
        try:
            self._finish()
        except Exception:
            log.exception("background work not finished", work=self._name)

    def _take(self, wait: float | None) -> tuple[list[Item], bool]:
        """Return up to `most` items, none if nothing is put within `wait` seconds; and whether to go on after these."""
        try:
            first = self._queue.get(timeout=wait)
        except queue.Empty:
            return [], True
        if first is _Marker.END:
            return [], False
        items = [first]
        if self._batch_window_s:
            time.sleep(self._batch_window_s)
        while len(items) < self._most:
            try:
                item = self._queue.get_nowait()
            except queue.Empty:  # no look before: another thread may be quicker
                break
            if item is _Marker.END:  # not taken together with that of another thread
                return items, False
            items.append(item)
        return items, True

    def _try_to_handle(self, items: list[Item]) -> float | None:
        """Return the seconds until `handle` is to be called without items; None if it is not."""
        try:
            wait = self._handle(items)
        except Exception:
            log.exception("background work failed", work=self._name)
            return _PAUSE_AFTER_FAILURE_S if self._ticks else None
        return None if wait is None else max(0.0, wait)
