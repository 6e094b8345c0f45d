"""What a worker's main process tells the processes of its pool, without a message."""

from __future__ import annotations

import mmap


class SharedFlag:
    """A bit, cleared at first, that is shared with all processes forked after it was made.

    Setting it takes no lock, so a signal handler may do it.
    """

    def __init__(self) -> None:
        self._byte = mmap.mmap(-1, 1)

    def is_set(self) -> bool:
        """Return whether it is set."""
        return self._byte[0] == 1

    def set(self, *, to: bool = True) -> None:
        """Set it, or clear it."""
        self._byte[0] = to
