"""Wake-ups: Celery messages that make a worker look now rather than at its next tick.

A wake-up is a doorbell. If it is lost, repeated or late, nothing else changes: the ledger is the truth.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from voice_notify.monitoring.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from celery import Celery

log = get_logger(__name__)

#: Celery's name of the task that a wake-up runs, in `delivery/wake_task.py`.
TASK = "voice_notify.wake"

#: How long a producer leaves waking to the dispatchers after a wake-up that could not be sent.
_PAUSE_AFTER_TROUBLE_S = 30.0
#: How long it does so after the ledger asked for no wake-up.
_PAUSE_AFTER_ENOUGH_S = 0.005


def send_wakeup(app: Celery, ids: Sequence[str], wakeup: str) -> None:
    """Ask any worker to look at the lines of these notifications; `wakeup` is the message's id."""
    app.send_task(TASK, (list(ids),), task_id=wakeup, retry=False, ignore_result=True)


class ProducerWakeups:
    """The wake-ups of one producer: it sends one where the ledger asks for it, and pauses where that is of no use."""

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._again_at = 0.0

    def offer(self, notification_id: str) -> str:
        """The id of a wake-up that may be sent for this notification, or "" during a pause."""
        return f"wake-{notification_id}" if time.monotonic() >= self._again_at else ""

    def was_declined(self) -> None:
        """The ledger asked for no wake-up: enough are under way, or there is nothing to do yet."""
        # Another thread may have met trouble meanwhile.
        self._again_at = max(self._again_at, time.monotonic() + _PAUSE_AFTER_ENOUGH_S)

    def send(self, notification_id: str, wakeup: str) -> None:
        """Wake a worker. Whatever ails the broker: the notification is stored, and nothing is owed but speed."""
        try:
            send_wakeup(self._app, [notification_id], wakeup)
        except Exception as error:  # noqa: BLE001 - see above
            self._again_at = time.monotonic() + _PAUSE_AFTER_TROUBLE_S
            log.warning("no wake-up sent, a dispatcher will find it", id=notification_id, error=str(error))

    def resume(self) -> None:
        """End a pause, as when the broker is another one."""
        self._again_at = 0.0
