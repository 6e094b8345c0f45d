"""The task `voice_notify.notify`, which applications call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NoReturn

from celery import Task

from voice_notify.broker.application import app
from voice_notify.errors import InvalidNotification, KeyConflict, LineFull
from voice_notify.producer.bulk import BulkResult, Row, submit_bulk
from voice_notify.producer.results import NotifyResult
from voice_notify.producer.submission import build, build_row, check_options, log_submission
from voice_notify.producer.third_party import submit_message

#: Celery's ways to run something after a task; a notification ends long after its submit.
_CALLBACKS = ("link", "link_error", "chord", "chain")


class Notify(Task):  # type: ignore[misc] # celery has no types
    """`notify.delay(mobile, template_id, params, key=…)`: rings a phone once, soon.

    The options of `apply_async` keep their Celery meaning and become durable: `countdown` or `eta`, `expires`,
    `priority` (0-9, 9 first) and `task_id`. The broker gets nothing of it.
    """

    def apply_async(
        self,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        task_id: str | None = None,
        *_: object,
        **options: Any,  # noqa: ANN401 - Celery's
    ) -> NotifyResult:
        """Store the notification, which wakes a worker.

        Raises `InvalidNotification`, `KeyConflict`, `LineFull` or `StoreUnavailable`; otherwise it is stored and
        cannot be lost. Other options of Celery have no meaning here, and are ignored; what is no option is refused.
        """
        refused = [name for name in _CALLBACKS if options.get(name)]
        if refused:
            raise TypeError(
                f"{self.name} does not support {', '.join(refused)}: a notification ends long after its submit"
            )
        check_options(options)
        account = self.app.account
        notification = build(account, args or (), kwargs or {}, {**options, "task_id": task_id})
        submission = account.ledger.submit(notification)
        log_submission(notification, submission)
        # A submit that was sent again because its reply was lost meets itself.
        itself = task_id is None and submission.id == notification.id
        return NotifyResult(submission, duplicate=submission.duplicate and not itself, app=self.app)

    def map(self, _: object) -> NoReturn:
        """Refused: it would put numbers and texts into the broker."""
        self._use_bulk("map")

    def starmap(self, _: object) -> NoReturn:
        """Refused: it would put numbers and texts into the broker."""
        self._use_bulk("starmap")

    def chunks(self, _: object, __: int) -> NoReturn:
        """Refused: it would put numbers and texts into the broker."""
        self._use_bulk("chunks")

    def _use_bulk(self, name: str) -> NoReturn:
        raise TypeError(f"{self.name} does not support {name}, which puts numbers and texts into the broker: use bulk")

    def bulk(
        self, rows: Iterable[Row], *, chunk: int = 500, progress: Callable[[int], None] | None = None
    ) -> BulkResult:
        """Submit many: tuples `(mobile, template_id, params)`, or mappings that may also hold the options.

        Rows that are refused are reported with their position; all others are in the ledger when this returns.

        Raises `BulkInterrupted` if Redis is lost in the middle, and `RowsFailed` if `rows` raises an error; both say
        what is stored.
        """
        account = self.app.account
        return submit_bulk(account.ledger, rows, partial(build_row, account), chunk=chunk, progress=progress)


@app.task(  # type: ignore[untyped-decorator] # celery has no types
    name="voice_notify.notify",
    base=Notify,
    bind=True,
    # A third-party producer's message leaves the broker only when the notification is in the ledger.
    acks_late=True,
    reject_on_worker_lost=True,
    # Monitors see a notification's calls under this name and its id (`task_events.py`), not that its message was taken.
    send_events=False,
    Request="voice_notify.delivery.celery_fixes:PrivateRequest",
    throws=(InvalidNotification, KeyConflict, LineFull),
)
def _notify(self: Notify, *args: Any, **kwargs: Any) -> str:  # noqa: ANN401 - checked when built
    """Submit on behalf of a producer without this package, whose message this is. Returns the notification's id."""
    return submit_message(self.app, self.request, args, kwargs)


notify: Notify = _notify
