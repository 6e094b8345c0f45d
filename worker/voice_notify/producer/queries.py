"""What an application asks about a notification, by its id."""

from __future__ import annotations

from voice_notify.accounts import current_account
from voice_notify.domain.states import State
from voice_notify.ledger.explanation import Explanation
from voice_notify.ledger.notifications import Record
from voice_notify.monitoring.logs import get_logger
from voice_notify.producer.in_threads import in_thread

log = get_logger(__name__)


def status(notification_id: str) -> Record:
    """The notification as it stands, or `UnknownNotification`."""
    return current_account().ledger.record(notification_id)


def explain(notification_id: str) -> Explanation:
    """Its state and history, what blocks it now, how many are ahead, and when its next step is due."""
    return current_account().ledger.explain(notification_id)


def cancel(notification_id: str) -> State:
    """Withdraw it; the state it was in.

    `waiting`: it will not be called. `calling`: that call is on the wire and cannot be called back, but nothing
    follows it. A final state stays.
    """
    state = current_account().ledger.cancel(notification_id)
    log.info("cancelled" if not state.final else "not cancelled", id=notification_id, state=state)
    return state


async def astatus(notification_id: str) -> Record:
    """`status`, to be awaited."""
    return await in_thread(status, notification_id)


async def aexplain(notification_id: str) -> Explanation:
    """`explain`, to be awaited."""
    return await in_thread(explain, notification_id)


async def acancel(notification_id: str) -> State:
    """`cancel`, to be awaited."""
    return await in_thread(cancel, notification_id)
