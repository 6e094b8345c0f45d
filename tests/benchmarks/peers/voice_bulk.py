"""voice-notify, all notifications through `notify.bulk`."""

from __future__ import annotations

from collections.abc import Sequence

from tests.benchmarks.job import Job
from tests.benchmarks.peers.voice_delay import workers
from voice_notify import notify

__all__ = ["submit", "workers"]


def submit(jobs: Sequence[Job]) -> None:
    """One `bulk` for all."""
    submitted = notify.bulk((job.mobile, job.template_id, job.params) for job in jobs)
    if submitted.refused:
        raise RuntimeError(str(submitted.refused[0].error))
