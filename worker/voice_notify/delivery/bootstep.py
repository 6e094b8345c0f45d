"""What our worker starts in addition to Celery's own parts."""

from __future__ import annotations

from functools import partial
from typing import Any

from celery import bootsteps, signals

from voice_notify.broker.configuration import shown_in_one_line
from voice_notify.broker.wakeups import send_wakeup
from voice_notify.delivery.dispatcher import Dispatcher
from voice_notify.delivery.worker_process import WorkerProcess

#: Wake-ups under way for each process of the pool: one being answered, one at hand.
_WAKEUPS_PER_PROCESS = 2
#: Most lines in a wake-up, for each call that a process may have in flight.
_LINES_PER_CALL = 6


class DeliveryStep(bootsteps.StartStopStep):  # type: ignore[misc] # celery has no types
    """Makes what the tasks deliver with, and runs the dispatcher in the worker's main process while that runs."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, **options: Any) -> None:  # noqa: ANN401, ARG002 - celery's signature
        self.dispatcher: Dispatcher | None = None
        # A worker without a secret stops here, not at its first call.
        shown_in_one_line(worker.app.account.settings.read_app_secret)
        made = WorkerProcess(
            worker.app, worker.app.account.settings, worker.hostname, task_events=bool(worker.task_events)
        )
        worker.app.worker_process = made
        signals.heartbeat_sent.connect(made.event_switch.follow, weak=False)

    def start(self, worker: Any) -> None:  # noqa: ANN401
        """Begin to dispatch."""
        process: WorkerProcess = worker.app.worker_process
        in_flight = process.account.settings.calls_in_flight
        processes = worker.concurrency if worker.pool_cls.__module__.endswith("prefork") else 1
        self.dispatcher = Dispatcher(
            process.account.ledger,
            partial(send_wakeup, worker.app),
            process.policy,
            worker=worker.hostname,
            lines=(in_flight, _LINES_PER_CALL * in_flight),
            wakeups=_WAKEUPS_PER_PROCESS * processes,
            events=process.events,
            stopping=process.stopping.is_set,
        )
        self.dispatcher.start()

    def stop(self, worker: Any) -> None:  # noqa: ANN401, ARG002
        """Dispatch no more; what is begun is finished by the pool."""
        if self.dispatcher:
            self.dispatcher.stop()

    terminate = stop
