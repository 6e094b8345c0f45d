"""The two tasks: `voice_notify.notify`, which applications call, and `voice_notify.deliver`, the doorbell."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

from celery import Task, signals
from celery.exceptions import Reject
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from voice_notify import runtime
from voice_notify.bulk import BulkResult, Row, submit_bulk
from voice_notify.celery import app, retry_policy, stopping
from voice_notify.core.notification import Notification, build_notification, new_id
from voice_notify.delivery import Delivery
from voice_notify.errors import InvalidNotification, LineFull, StoreUnavailable
from voice_notify.events import events
from voice_notify.logs import get_logger
from voice_notify.provider.client import ProviderClient
from voice_notify.results import NotifyResult
from voice_notify.store.connect import connect
from voice_notify.store.ledger import Submission

log = get_logger(__name__)

#: While so many rings are under way, a submit leaves its ring to the pump: under a flood, one ring serves many.
_RINGS_OUTSTANDING = 1
#: After a ring could not be sent, and after the ledger asked for none, only the pump rings for so long (seconds).
_AFTER_TROUBLE, _AFTER_ENOUGH = 30.0, 0.005
#: Celery's ways to run something after a task; a notification ends long after its submit.
_CALLBACKS = ("link", "link_error", "chord", "chain")


class Notify(Task):  # type: ignore[misc] # celery has no types
    """`notify.delay(mobile, template_id, params, key=…)`: rings a phone once, soon.

    The options of `apply_async` keep their Celery meaning and become durable: `countdown` or `eta`, `expires`,
    `priority` (0-9, 9 first) and `task_id`. The broker gets the id only, never the number or the words.
    """

    _ring_again_at = 0.0

    def apply_async(
        self,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        task_id: str | None = None,
        *_: object,
        **options: Any,  # noqa: ANN401 - Celery's
    ) -> NotifyResult:
        """Store the notification and ring.

        Raises `InvalidNotification`, `LineFull` or `StoreUnavailable`; else it is in the ledger and can not be lost.
        """
        refused = [name for name in _CALLBACKS if options.get(name)]
        if refused:
            raise TypeError(
                f"{self.name} does not support {', '.join(refused)}: a notification ends long after its submit"
            )
        eta, countdown = options.get("eta"), options.get("countdown")
        notification = _build(
            *(args or ()),
            **(kwargs or {}),
            id=task_id or new_id(),
            priority=options.get("priority") or 0,
            countdown=max(0.0, _seconds_until(eta)) if eta else countdown or 0,
            expires=_seconds_until(options.get("expires")),
        )
        ring = f"ring-{notification.id}" if time.monotonic() >= Notify._ring_again_at else ""
        submission = runtime.ledger().submit(notification, ring=ring, ring_limit=_RINGS_OUTSTANDING)
        _log_submission(notification, submission)
        if submission.ring:
            self._ring(submission.id, ring)
        elif ring:
            # Another thread may have met trouble meanwhile.
            Notify._ring_again_at = max(Notify._ring_again_at, time.monotonic() + _AFTER_ENOUGH)
        # A submit that was sent again because its reply was lost meets itself.
        itself = task_id is None and submission.id == notification.id
        return NotifyResult(submission, duplicate=submission.duplicate and not itself, app=self.app)

    def bulk(
        self, rows: Iterable[Row], *, chunk: int = 500, progress: Callable[[int], None] | None = None
    ) -> BulkResult:
        """Submit many: tuples `(mobile, template_id, params)`, or mappings that may also hold the options.

        Rows that are refused are reported with their position; all others are in the ledger when this returns.
        """
        return submit_bulk(runtime.ledger(), rows, _build_row, chunk=chunk, progress=progress)

    def _ring(self, notification_id: str, ring: str) -> None:
        try:
            send_ring([notification_id], ring)
        except Exception as error:  # noqa: BLE001 - whatever ails the broker: it is stored, and nothing is owed but speed
            Notify._ring_again_at = time.monotonic() + _AFTER_TROUBLE
            log.warning("not rung, the pump will", id=notification_id, error=str(error))


@app.task(  # type: ignore[untyped-decorator] # celery has no types
    name="voice_notify.notify",
    base=Notify,
    bind=True,
    # The message of a foreign producer leaves the broker only when the notification is in the ledger.
    acks_late=True,
    reject_on_worker_lost=True,
    # Monitors see a notification's calls under this name and its id (`events.py`), not that its message was taken.
    send_events=False,
    Request="voice_notify.consumer:DiscreetRequest",
    throws=(InvalidNotification, LineFull),
)
def _notify(self: Task, *args: Any, **kwargs: Any) -> str:  # noqa: ANN401 - checked when built
    """Submit on behalf of a producer without this package, whose message this is; the notification's id.

    The task's id becomes the notification's, so that a redelivery is not a second notification.
    """
    request = self.request
    try:
        notification = _build(
            *args,
            **kwargs,
            id=request.id or new_id(),
            priority=(request.delivery_info or {}).get("priority") or 0,
            expires=_seconds_until(request.expires),
        )
        submission = _patience()(runtime.ledger().submit, notification)
        _log_submission(notification, submission)
    except (InvalidNotification, LineFull) as error:
        log.warning("refused", id=request.id, error=str(error))  # its producer is not here to be told
        events(app).refused(request.id, error)
        raise
    except StoreUnavailable as error:
        raise Reject(str(error), requeue=True) from error
    return submission.id


notify: Notify = _notify


@app.task(  # type: ignore[untyped-decorator] # celery has no types
    name="voice_notify.deliver", bind=True, send_events=False
)
def deliver(self: Task, ids: Sequence[str]) -> int:
    """The doorbell: begin the calls that are next in the lines of these notifications; how many were begun."""
    delivery = _delivery()
    delivery.ledger.forget_ring(self.request.id)
    return delivery.deliver(ids)


def send_ring(ids: Sequence[str], ring: str) -> None:
    """Ask any worker to look at the lines of these notifications."""
    deliver.apply_async((ids,), task_id=ring, retry=False)


@signals.worker_process_shutdown.connect(weak=False)  # type: ignore[untyped-decorator] # celery has no types
@signals.worker_shutdown.connect(weak=False)  # type: ignore[untyped-decorator]
def _finish_calls(**_: object) -> None:
    """A graceful stop finishes what is on the wire."""
    if _make_delivery.cache_info().currsize:
        _make_delivery().close()
    events(app).close()


_making = threading.Lock()


def _delivery() -> Delivery:
    with _making:  # Celery's thread pool may ask twice at once
        return _make_delivery()


@cache
def _make_delivery() -> Delivery:
    """Made in the process that places the calls, after the fork: with connections of its own."""
    settings = runtime.settings()
    provider = ProviderClient(
        base_url=settings.base_url,
        app_id=settings.app_id,
        app_secret=settings.read_app_secret,
        connect_timeout=settings.connect_timeout,
        read_timeout=settings.read_timeout,
    )
    return Delivery(
        connect(settings),
        provider,
        retry_policy(settings),
        calls_in_flight=settings.calls_in_flight,
        observer=events(app),
        stopping=stopping.is_set,
    )


def _log_submission(notification: Notification, submission: Submission) -> None:
    what = "submitted again" if submission.duplicate else "submitted"
    log.info(what, id=submission.id, mobile=notification.mobile, template_id=notification.template_id)


def _build(*args: Any, **options: Any) -> Notification:  # noqa: ANN401 - checked by build_notification
    return build_notification(*args, templates=runtime.templates(), **options)


def _build_row(row: Row) -> Notification:
    if isinstance(row, Mapping):
        return _build(**{"id": new_id(), **row})
    return _build(*row, id=new_id())


def _seconds_until(moment: datetime | str | float | None) -> Any:  # noqa: ANN401 - a number, or what a check refuses
    """Celery's `eta` and `expires` as seconds from now; a naive time is UTC, as Celery has it."""
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    if not isinstance(moment, datetime):
        return moment
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware - datetime.now(UTC)).total_seconds()


def _patience() -> Retrying:
    """Wait for Redis a little before the message goes back to the broker."""
    return Retrying(
        retry=retry_if_exception_type(StoreUnavailable),
        wait=wait_random_exponential(multiplier=0.1, max=5),
        stop=stop_after_delay(20),
        reraise=True,
    )
