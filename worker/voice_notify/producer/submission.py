"""From what a caller wrote to a checked notification."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from voice_notify.domain.notification import Notification, build_notification, new_id
from voice_notify.monitoring.logs import get_logger

if TYPE_CHECKING:
    from voice_notify.accounts import Account
    from voice_notify.ledger.contracts import Submission
    from voice_notify.producer.bulk import Row

log = get_logger(__name__)


def build(account: Account, *args: Any, **options: Any) -> Notification:  # noqa: ANN401 - checked by build_notification
    """The notification of these arguments. Raises `InvalidNotification`."""
    return build_notification(*args, templates=account.templates, **options)


def build_row(account: Account, row: Row) -> Notification:
    """The notification of one row of a bulk submit. Raises `InvalidNotification`."""
    if isinstance(row, Mapping):
        return build(account, **{"id": new_id(), **row})
    return build(account, *row, id=new_id())


def seconds_until(moment: datetime | str | float | None) -> Any:  # noqa: ANN401 - a number, or what a check refuses
    """Celery's `eta` and `expires` as seconds from now; a naive time is UTC, as Celery has it."""
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    if not isinstance(moment, datetime):
        return moment
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware - datetime.now(UTC)).total_seconds()


def log_submission(notification: Notification, submission: Submission) -> None:
    """A line for a submit."""
    event = "submitted again" if submission.duplicate else "submitted"
    log.info(event, id=submission.id, mobile=notification.mobile, template_id=notification.template_id)
