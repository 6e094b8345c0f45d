"""voice-notify, one `notify.delay` for each notification."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from tests.benchmarks.job import Job
from voice_notify import notify


def workers() -> list[list[str]]:
    """One main process with a pool of two, started as the README says."""
    options = ["--concurrency", "2", "--without-gossip", "--without-mingle"]
    return [[sys.executable, "-m", "celery", "-A", "voice_notify", "worker", *options]]


def submit(jobs: Sequence[Job]) -> None:
    """One `delay` for each."""
    for job in jobs:
        notify.delay(job.mobile, job.template_id, job.params)
