"""What a worker does on SIGTERM: begin nothing more, finish what is on the wire, settle it, end.

Celery tells `worker_shutting_down` in the main process from inside the signal's handler: the flag is shared with the
processes of the pool, so that from then on they give back what they have not begun. The dispatcher stops with its boot
step (`bootstep.py`). Each process of the pool ends with `worker_process_shutdown`, or, where the pool has no processes,
the worker with `worker_shutdown`: both finish the calls in flight. SIGQUIT is Celery's cold shutdown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from celery import signals

if TYPE_CHECKING:
    from voice_notify.broker.application import Application


def connect(app: Application) -> None:
    """Make a worker of `app` stop in this way."""

    def begin_nothing_more(**_: object) -> None:
        if app.worker_process:
            app.worker_process.stopping.set()

    def finish_calls(**_: object) -> None:
        if app.worker_process:
            app.worker_process.finish()

    signals.worker_shutting_down.connect(begin_nothing_more, weak=False)
    signals.worker_process_shutdown.connect(finish_calls, weak=False)
    signals.worker_shutdown.connect(finish_calls, weak=False)
