"""From what a caller wrote to a checked notification; whatever is wrong with it is `InvalidNotification`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from voice_notify.broker.options import options_of_celery
from voice_notify.domain.notification import Notification, build_notification, new_id
from voice_notify.errors import InvalidNotification
from voice_notify.monitoring.logs import get_logger

if TYPE_CHECKING:
    from voice_notify.accounts import Account
    from voice_notify.ledger.contracts import Submission
    from voice_notify.producer.bulk import Row

log = get_logger(__name__)

_POSITIONAL = ("mobile", "template_id", "params")
_ARGUMENTS = (*_POSITIONAL, "key", "on_unconfirmed")
#: Those of `apply_async` that mean something here; in a row they stand beside the arguments.
_OPTIONS = ("task_id", "priority", "countdown", "eta", "expires")
#: In a row, `task_id` has this name too.
_ID = "id"


def build(account: Account, args: Sequence[Any], kwargs: Mapping[str, Any], options: Mapping[str, Any]) -> Notification:
    """The notification of these arguments and options of `apply_async`, without regard to others.

    Raises `InvalidNotification`.
    """
    given = dict(zip(_POSITIONAL, args, strict=False))
    if len(args) > len(_POSITIONAL):
        raise InvalidNotification("arguments", f"must be {', '.join(_POSITIONAL)}: {len(args)} given")
    for name, value in kwargs.items():
        if name not in _ARGUMENTS:
            raise InvalidNotification(_shown(name), _rule_for(name))
        if name in given:
            raise InvalidNotification(name, "is given twice, by its place and by its name")
        given[name] = value
    for name in ("mobile", "template_id"):
        if name not in given:
            raise InvalidNotification(name, "is missing")
    eta, expires = options.get("eta"), options.get("expires")
    return build_notification(
        **given,
        id=options.get("task_id") or new_id(),
        priority=options.get("priority") or 0,
        countdown=max(0.0, _seconds_until("eta", eta)) if eta is not None else options.get("countdown") or 0,
        expires=_seconds_until("expires", expires) if isinstance(expires, datetime | str) else expires,
        templates=account.templates,
    )


def build_row(account: Account, row: Row) -> Notification:
    """The notification of one row of a bulk submit. Raises `InvalidNotification`."""
    if isinstance(row, Mapping):
        options = {name: row[name] for name in _OPTIONS if name in row}
        if _ID in row:
            options["task_id"] = row[_ID]
        return build(account, (), {name: row[name] for name in row if name not in _OPTIONS and name != _ID}, options)
    if isinstance(row, str | bytes) or not isinstance(row, Sequence):
        rule = f"must be ({', '.join(_POSITIONAL)}) or a mapping with these names, not {type(row).__name__}"
        raise InvalidNotification("row", rule)
    return build(account, row, {}, {})


def check_options(options: Collection[str]) -> None:
    """Refuse what is no option of Celery's either: a misspelt deadline would be silently none."""
    for name in options:
        if name not in _OPTIONS and name not in options_of_celery():
            raise InvalidNotification(_shown(name), f"is no option of apply_async{_similar(name, _OPTIONS)}")


def _rule_for(name: object) -> str:
    if name in _OPTIONS:
        return f"is an option of apply_async: notify.apply_async((mobile, template_id, params), {name}=…)"
    return f"is no argument of a notification{_similar(name, (*_ARGUMENTS, *_OPTIONS))}"


def _similar(name: object, names: Sequence[str]) -> str:
    """A hint, where there is one that may be meant."""
    close = get_close_matches(str(name), names, n=1)
    return f": did you mean {close[0]}?" if close else f"; there are {', '.join(names)}"


def _shown(name: object) -> str:
    """A name as an error shows it, which may be a number or a text in the wrong place."""
    return name if isinstance(name, str) and name.isidentifier() and len(name) < 40 else "arguments"  # noqa: PLR2004


def _seconds_until(field: str, moment: object) -> float:
    """Celery's `eta` or `expires` as seconds from now.

    A time without a zone is refused. Celery would take it for UTC, while `datetime.now()` is the time of the host: in
    China, eight hours later.
    """
    if isinstance(moment, str):
        try:
            moment = datetime.fromisoformat(moment)
        except ValueError:
            moment = None
    if not isinstance(moment, datetime):
        seconds = ", or a number of seconds" if field == "expires" else "; for seconds from now there is countdown"
        raise InvalidNotification(field, f'must be a datetime or a text like "2026-06-01T12:00:00+08:00"{seconds}')
    if moment.utcoffset() is None:
        raise InvalidNotification(field, 'has no time zone: write datetime.now(UTC) or .astimezone(), or "…+08:00"')
    return (moment - datetime.now(UTC)).total_seconds()


def log_submission(notification: Notification, submission: Submission) -> None:
    """A line for a submit."""
    event = "submitted again" if submission.duplicate else "submitted"
    log.info(event, id=submission.id, mobile=notification.mobile, template_id=notification.template_id)
