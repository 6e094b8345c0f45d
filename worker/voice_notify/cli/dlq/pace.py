"""Long work in steps: as fast as it goes or so many a minute, and with an end between two steps on Ctrl-C."""

from __future__ import annotations

import signal
import time
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_CHUNK = 500
#: A paced step lasts about so long (seconds), so that little is under way when it is stopped.
_STEP = 0.5
#: So soon (seconds) a wait ends when it is asked to.
_NAP = 0.1


class Stop:
    """Whether a person has asked for an end."""

    asked = False

    def sleep(self, seconds: float) -> None:
        """Wait, but not for longer than until then."""
        until = time.monotonic() + seconds
        while not self.asked and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, _NAP))


@contextmanager
def stoppable() -> Iterator[Stop]:
    """In here the first Ctrl-C only asks for an end, which comes between two steps; the second ends at once."""
    stop = Stop()
    before = signal.getsignal(signal.SIGINT)

    def ask(*_: object) -> None:
        stop.asked = True
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, ask)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


def steps(
    ids: Iterable[str],
    stop: Stop,
    per_minute: float | None = None,
    *,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[list[str]]:
    """`ids` in chunks, `per_minute` of them evenly in a minute; ends early when `stop` is asked for.

    What was missed while this process stood still is not made up for.
    """
    size = max(1, int(per_minute / 60 * _STEP)) if per_minute else _CHUNK
    interval = size * 60 / per_minute if per_minute else 0.0
    rest, due = iter(ids), clock()
    while not stop.asked and (chunk := list(islice(rest, size))):
        if interval:
            stop.sleep(due - clock())
            if stop.asked:
                return
            now = clock()
            due = (due if now < due + interval else now) + interval
        yield chunk
