"""A third-party producer's message: the notification itself, sent with Celery's `send_task` without this package."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from celery.exceptions import Reject
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from voice_notify.errors import InvalidNotification, KeyConflict, LedgerDamaged, LineFull, StoreUnavailable
from voice_notify.monitoring.logs import get_logger
from voice_notify.producer.submission import build, log_submission

if TYPE_CHECKING:
    from voice_notify.broker.application import Application

log = get_logger(__name__)

#: How long a message waits for Redis before it goes back to the broker.
_WAIT_FOR_REDIS_S = 20


def submit_message(app: Application, request: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:  # noqa: ANN401
    """Submit what a message holds. Returns the notification's id, which is the task's: a redelivery is no second one.

    Raises `InvalidNotification`, `KeyConflict` or `LineFull`, of which its producer, who is not here, is told by task
    events and the log; `Reject`, so that the message goes back to the broker, if Redis cannot be used.
    """
    account = app.account
    try:
        options = {
            "task_id": request.id,
            "priority": (request.delivery_info or {}).get("priority"),
            "eta": request.eta,
            "expires": request.expires,
        }
        notification = build(account, args, kwargs, options)
        submission = _retrying()(account.ledger.submit, notification)
        log_submission(notification, submission)
    except (InvalidNotification, KeyConflict, LedgerDamaged, LineFull) as error:
        log.warning("refused", id=request.id, error=str(error))
        if app.worker_process:
            app.worker_process.events.refused(request.id, error)
        raise
    except StoreUnavailable as error:
        raise Reject(str(error), requeue=True) from error
    id_: str = submission.id
    return id_


def _retrying() -> Retrying:
    return Retrying(
        retry=retry_if_exception_type(StoreUnavailable),
        wait=wait_random_exponential(multiplier=0.1, max=5),
        stop=stop_after_delay(_WAIT_FOR_REDIS_S),
        reraise=True,
    )
