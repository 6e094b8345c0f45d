"""Many ids in chunks: as fast as possible, or so many per minute."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from voice_notify.cli.ctrl_c import Stop

#: Ids in a chunk where no pace is given.
_CHUNK_SIZE = 500
#: How long a paced chunk lasts, so that little is under way when it is stopped.
_PACED_CHUNK_S = 0.5


def paced_chunks(
    ids: Iterable[str],
    stop: Stop,
    per_minute: float | None = None,
    *,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[list[str]]:
    """`ids` in chunks, `per_minute` of them evenly in a minute; ends early when `stop` is asked for.

    What was missed while this process stood still is not made up for.
    """
    size = max(1, int(per_minute / 60 * _PACED_CHUNK_S)) if per_minute else _CHUNK_SIZE
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
