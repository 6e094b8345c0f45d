"""voice-notify: those that wait through `notify.bulk`, urgent ones each through `notify.apply_async`."""

from __future__ import annotations

from collections.abc import Sequence

from tests.benchmarks.job import Job
from tests.benchmarks.peers.voice_bulk import submit, workers
from voice_notify import notify

__all__ = ["submit", "submit_urgent", "workers"]


def submit_urgent(jobs: Sequence[Job]) -> None:
    """One `apply_async` for each."""
    for job in jobs:
        notify.apply_async((job.mobile, job.template_id, job.params), priority=9)
