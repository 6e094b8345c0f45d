"""What a worker does when a process of it starts, and on SIGTERM: begin nothing more, finish what is on the wire, end.

Each process of the pool begins to call with `worker_process_init`; where the pool has no processes, the boot step has
it (`bootstep.py`). Celery tells `worker_shutting_down` in the main process from inside the signal's handler: the flag
is shared with the processes of the pool, which from then on begin nothing. The sweeper stops with its boot step. Each
process of the pool ends with `worker_process_shutdown`, or, where the pool has no processes, the worker with
`worker_shutdown`: both finish the calls in flight. However often SIGTERM comes, to whichever processes, it ends nothing
that is on the wire (`sigterm.py`). SIGQUIT is Celery's cold shutdown.
"""

from __future__ import annotations

from celery import signals

from voice_notify.broker.application import app
from voice_notify.delivery.sigterm import take_sigterm_once
from voice_notify.monitoring.worker_logs import leave_out_banner


def _begin(**_: object) -> None:
    if app.worker_process:
        if app.worker_process.is_of_pool:
            take_sigterm_once()
        app.worker_process.start()


def _begin_nothing_more(**_: object) -> None:
    if app.worker_process:
        app.worker_process.stopping.set()


def _finish_calls(**_: object) -> None:
    if app.worker_process:
        app.worker_process.finish()


signals.celeryd_init.connect(leave_out_banner)
signals.worker_process_init.connect(_begin)
signals.worker_shutting_down.connect(_begin_nothing_more)
signals.worker_process_shutdown.connect(_finish_calls)
signals.worker_shutdown.connect(_finish_calls)
