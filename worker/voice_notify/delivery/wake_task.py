"""The doorbell: the task that a wake-up runs."""

from __future__ import annotations

from collections.abc import Sequence

from celery import Task, signals

from voice_notify.broker.application import app
from voice_notify.broker.wakeups import TASK
from voice_notify.delivery import shutdown
from voice_notify.monitoring.worker_logs import leave_out_banner

shutdown.connect(app)
signals.celeryd_init.connect(leave_out_banner)


@app.task(name=TASK, bind=True, send_events=False)  # type: ignore[untyped-decorator] # celery has no types
def wake(self: Task, ids: Sequence[str]) -> int:
    """Begin the calls that are next in the lines of these notifications. Returns the number begun."""
    worker = self.app.worker_process
    worker.account.ledger.forget_wakeup(self.request.id)
    begun: int = worker.calls.start(ids)
    return begun
