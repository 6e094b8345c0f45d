"""voice-notify, all notifications through `notify.bulk`, none of them due before tomorrow."""

from __future__ import annotations

from collections.abc import Sequence

from tests.benchmarks.job import Job
from tests.benchmarks.peers.voice_delay import workers
from voice_notify import notify

__all__ = ["submit", "workers"]

_DAY = 86_400


def submit(jobs: Sequence[Job]) -> None:
    """One `bulk` for all."""
    notify.bulk(
        {
            "mobile": job.mobile,
            "template_id": job.template_id,
            "params": job.params,
            "countdown": _DAY,
            "expires": 2 * _DAY,
        }
        for job in jobs
    )
