"""The Celery application that producers, workers and monitors share.

No notification waits inside Celery: no ETA, no long visibility timeout, no result that matters; the ledger is the
truth, and wakes the processes of the workers itself. Celery starts, stops and watches these, carries the messages of
third-party producers, remote control and events. What belongs to one side only is named by a string, so that a
producer loads nothing of a worker.
"""

from __future__ import annotations

from typing import Any

from celery import Celery

from voice_notify.accounts import Account, current_account


class Application(Celery):  # type: ignore[misc] # celery has no types
    """Celery, and what its tasks work with."""

    #: What the tasks of a worker deliver with, a `delivery.worker_process.WorkerProcess`, set by the boot step. None in
    #: any other process.
    worker_process: Any = None

    @property
    def account(self) -> Account:
        """The account of this process."""
        return current_account()


app = Application(
    "voice_notify",
    set_as_current=False,
    fixups=[],  # that for Django would make this the default of a project's threads, if it is imported before its own
    loader="voice_notify.broker.configuration:SettingsLoader",
    log="voice_notify.monitoring.worker_logs:WorkerLogging",
    include=["voice_notify.producer.notify_task", "voice_notify.delivery.lifecycle"],
)
app.steps["worker"].add("voice_notify.delivery.bootstep:DeliveryStep")
