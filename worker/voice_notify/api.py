"""What an application asks about a notification, by its id."""

from __future__ import annotations

from voice_notify.core.states import State
from voice_notify.logs import get_logger
from voice_notify.runtime import ledger
from voice_notify.store.records import Explanation, Record

log = get_logger(__name__)


def status(notification_id: str) -> Record:
    """The notification as it stands, or `UnknownNotification`."""
    return ledger().record(notification_id)


def explain(notification_id: str) -> Explanation:
    """Its state and history, what blocks it now, how many are ahead, and when its next step is due."""
    return ledger().explain(notification_id)


def cancel(notification_id: str) -> State:
    """Withdraw it; the state it was in.

    `waiting`: it will not be called. `calling`: that call is on the wire and can not be called back, but nothing
    follows it. A final state stays.
    """
    state = ledger().cancel(notification_id)
    log.info("cancelled" if not state.final else "not cancelled", id=notification_id, state=state)
    return state
