"""What our worker starts in addition to Celery's own parts."""

from __future__ import annotations

from typing import Any

from celery import bootsteps, signals

from voice_notify.broker.configuration import shown_in_one_line
from voice_notify.delivery.sigterm import handle_sigterm_once
from voice_notify.delivery.spool_reader import SpoolReader
from voice_notify.delivery.sweeper import Sweeper
from voice_notify.delivery.worker_process import WorkerProcess


class DeliveryStep(bootsteps.StartStopStep):  # type: ignore[misc] # celery has no types
    """Has every process of the pool place calls, and the worker's main process sweep."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, **options: Any) -> None:  # noqa: ANN401, ARG002 - celery's signature
        # A worker without a secret stops here, not at its first call.
        shown_in_one_line(worker.app.account.settings.read_app_secret)
        settings, hostname, task_events = worker.app.account.settings, worker.hostname, bool(worker.task_events)
        process = shown_in_one_line(lambda: WorkerProcess(worker.app, settings, hostname, task_events=task_events))
        # Here and not in `start`: the processes of the pool are forked before that.
        worker.app.worker_process = process
        ledger, events = process.account.ledger, process.events
        self._sweeper = Sweeper(ledger, process.policy, events, process.timestamps, worker=worker.hostname)
        self._spool_reader = SpoolReader(ledger, events, process.spool) if process.spool else None
        signals.heartbeat_sent.connect(process.event_switch.follow, weak=False)

    def start(self, worker: Any) -> None:  # noqa: ANN401
        """Begin to sweep, and to call where the pool has no processes of its own that do."""
        handle_sigterm_once()
        # First, so that what is known of a call comes before a sweep that takes it for unknown.
        if self._spool_reader:
            self._spool_reader.start()
        self._sweeper.start()
        if not worker.pool_cls.__module__.endswith("prefork"):
            worker.app.worker_process.start()

    def stop(self, worker: Any) -> None:  # noqa: ANN401
        """Sweep no more; what is begun is finished by the pool."""
        self._sweeper.close()
        if self._spool_reader:
            self._spool_reader.close()
        signals.heartbeat_sent.disconnect(worker.app.worker_process.event_switch.follow)

    terminate = stop
