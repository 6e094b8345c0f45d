"""`celery -A tests.support.crashing_app worker`: the application, but a process dies when it comes to an armed step.

The steps are those of a notification's way. A test arms one by creating the file of its name in the folder that
`CRASHES` names; the first process that comes by removes the file and kills itself with SIGKILL.
"""

from __future__ import annotations

import os
import signal
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.worker import HUNGRY, KILLER, impatient
from voice_notify.broker.application import app
from voice_notify.ledger.ledger import Ledger
from voice_notify.provider.client import ProviderClient

if TYPE_CHECKING:
    from collections.abc import Callable

    from voice_notify.domain.notification import Notification
    from voice_notify.ledger.contracts import Submission
    from voice_notify.ledger.scripts import Scripts

__all__ = ["app"]


def crash_at(step: str) -> None:
    """Kill this process if `step` is armed."""
    try:
        Path(os.environ["CRASHES"], step).unlink()
    except FileNotFoundError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


def crash_after(owner: object, name: str, step: str, *, when: Callable[[Any], object] = lambda _: True) -> None:
    """Make the moment after each call of `owner.name` a step, where its result is such."""
    original: Callable[..., Any] = getattr(owner, name)

    @wraps(original)
    def crashing(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - those of `original`
        result = original(*args, **kwargs)
        if when(result):
            crash_at(step)
        return result

    setattr(owner, name, crashing)


def run_out_of_memory() -> None:
    """End each process that is about to submit a notification of a certain id, as one that takes all memory would."""
    original = Ledger.submit

    @wraps(original)
    def crashing(self: Ledger, notification: Notification) -> Submission:
        if notification.id == KILLER:
            os.kill(os.getpid(), signal.SIGKILL)
        if notification.id == HUNGRY:
            raise MemoryError
        return original(self, notification)

    Ledger.submit = crashing  # type: ignore[method-assign]


def shorten_leases() -> None:
    """Make every ledger of this process impatient."""
    original = Ledger.__init__

    @wraps(original)
    def shortened(self: Ledger, scripts: Scripts) -> None:
        original(self, impatient(scripts))

    Ledger.__init__ = shortened  # type: ignore[method-assign]


shorten_leases()
app.conf.worker_lost_wait = 1.0  # likewise, for the message of a process that was killed
run_out_of_memory()
crash_after(Ledger, "submit", "submitted")
crash_after(Ledger, "wait_for_wakeup", "woken")
crash_after(Ledger, "grant", "begun", when=lambda granted: granted.grants)
crash_after(ProviderClient, "place_call", "replied")
crash_after(Ledger, "settle", "settled")
crash_after(Ledger, "sweep", "swept")
