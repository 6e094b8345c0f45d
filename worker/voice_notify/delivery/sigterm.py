"""SIGTERM, which a person or a supervisor that is impatient sends again, and to the whole process group.

The first has a worker end gracefully, and each process of its pool; no other ends anything that is on the wire.
"""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

from voice_notify.monitoring.logs import get_logger

if TYPE_CHECKING:
    from types import FrameType

log = get_logger(__name__)


def take_sigterm_once() -> None:
    """Have this process of the pool end with the first SIGTERM, and let it notice no other while it finishes its calls.

    The pool's own handler of the first has the second kill the process, with its calls on the wire. So SIGTERM is
    blocked here, and a thread waits for it. That thread asks the main thread to end by SIGQUIT, which the pool's
    processes take alike: its own meaning, from outside, stays. Call this in the main thread, before any other is
    started: they inherit the mask.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    threading.Thread(target=_wait_for_sigterm, name="sigterm", daemon=True).start()


def handle_sigterm_once() -> None:
    """Have Celery's main process handle only the first SIGTERM, its warm shutdown.

    Its handler takes a lock that a second one, in the middle of the first, would wait for without end.
    """
    handler = signal.getsignal(signal.SIGTERM)
    is_warm = callable(handler) and getattr(handler, "__name__", "") == "worker_Warm"
    if not is_warm or threading.current_thread() is not threading.main_thread():
        return

    def handle(number: int, frame: FrameType | None) -> None:
        # First of all: a signal that comes before this line is handled as a whole, and none after it.
        signal.signal(signal.SIGTERM, _do_nothing)
        if callable(handler):
            handler(number, frame)

    signal.signal(signal.SIGTERM, handle)


def _do_nothing(_number: int, _frame: FrameType | None) -> None:
    """Unlike SIG_IGN, this is not inherited, nor is a signal that was on its way an error."""


def _wait_for_sigterm() -> None:
    signal.sigwait({signal.SIGTERM})
    log.info("told to end: finishing the calls on the wire")
    # Of the main thread, so that its wait for a task is interrupted.
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGQUIT)
