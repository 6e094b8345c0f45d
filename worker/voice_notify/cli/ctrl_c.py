"""Ctrl-C during long work: it ends between two steps, so that what was done can be told."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

#: A wait ends within this time of a Ctrl-C.
_NAP_S = 0.1


class Stop:
    """Whether a person has asked for an end."""

    asked = False

    def sleep(self, seconds: float) -> None:
        """Wait for so many seconds, or until an end is asked for."""
        until = time.monotonic() + seconds
        while not self.asked and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, _NAP_S))


@contextmanager
def stoppable() -> Iterator[Stop]:
    """Within it the first Ctrl-C only asks for an end, which comes between two steps; the second ends at once.

    Where Ctrl-C is ignored, as in a background job of a script, it stays ignored.
    """
    stop = Stop()
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:
        yield stop
        return

    def ask(*_: object) -> None:
        stop.asked = True
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, ask)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
