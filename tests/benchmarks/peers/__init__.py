"""The systems under test, one module each, with the same three functions.

`workers()` returns the command lines of two worker processes (one command may start both); `submit(jobs)` enqueues
each job by itself, as an application would; `call(…)` is the task. Each is set up as its documentation recommends for
throughput; what was chosen stands in the module's docstring. `python -m tests.benchmarks.peers NAME` runs the workers.

The modules of `priority/` can do one thing more: `submit_urgent(jobs)`.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Protocol, cast

from tests.benchmarks.job import Job


class Peer(Protocol):
    """What the harness needs of each module of this package."""

    def workers(self) -> list[list[str]]:
        """The command lines of the worker processes."""

    def submit(self, jobs: Sequence[Job]) -> None:
        """Enqueue the jobs."""


class PriorityPeer(Peer, Protocol):
    """A peer that has priorities."""

    def submit_urgent(self, jobs: Sequence[Job]) -> None:
        """Enqueue the jobs ahead of all that were enqueued by `submit`."""


def load(name: str) -> Peer:
    """The peer's module, which imports its library."""
    return cast("Peer", import_module(f"{__name__}.{name}"))


def load_urgent(name: str) -> PriorityPeer:
    """The peer's module, of one that has priorities."""
    return cast("PriorityPeer", load(name))
