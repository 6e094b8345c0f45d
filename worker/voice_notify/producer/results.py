"""Celery's view of a notification: `AsyncResult` answered from the ledger, so that no result is ever stored twice."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn
from zoneinfo import ZoneInfo

from celery import states
from celery.backends.base import BaseBackend
from celery.exceptions import TaskRevokedError
from celery.result import AsyncResult
from vine import promise

from voice_notify.domain.states import State
from voice_notify.errors import NotDelivered, UnknownNotification
from voice_notify.ledger.contracts import Submission
from voice_notify.ledger.notifications import Record
from voice_notify.producer.queries import cancel

if TYPE_CHECKING:

    class _Result:
        """What of Celery's `AsyncResult` means something here. Its own class would let every misspelt name pass."""

        id: str
        task_id: str

        @property
        def state(self) -> str:
            """Celery's name for the state: PENDING, RETRY, STARTED, SUCCESS, FAILURE or REVOKED."""

        status = state

        @property
        def result(self) -> Any:  # noqa: ANN401 - Celery's
            """What `get` returns or raises, or None while the notification is open."""

        info = result

        def get(self, timeout: float | None = None, *, propagate: bool = True, interval: float = 0.5) -> Any:  # noqa: ANN401 - Celery's
            """Wait for the end. Returns `{"call_id": …, "task_no": …}`.

            Raises `NotDelivered`, Celery's `TaskRevokedError` if it was cancelled, and its `TimeoutError` after
            `timeout` seconds.
            """

        wait = get

        def ready(self) -> bool:
            """Whether the notification has ended."""

        def successful(self) -> bool:
            """Whether the provider has taken the call."""

        def failed(self) -> bool:
            """Whether it is a dead letter, or has expired."""

else:
    _Result = AsyncResult


class NotifyResult(_Result):
    """What `notify.delay` returns."""

    # Celery's `__init__` makes at once what a producer seldom asks for, and was a fifth of a submit's own time.
    parent = None
    _cache = None
    _ignored = False

    def __init__(self, submission: Submission, *, duplicate: bool, app: Any) -> None:  # noqa: ANN401 - celery's
        self.app = app
        self.id = submission.id
        self.duplicate = duplicate  #: its `key` or `task_id` was known: this is the first one's result
        self.known_state = submission.state if duplicate else None  #: what that one had come to by this submit

    def __del__(self) -> None:
        """Nothing to take back: the backend keeps no list of results that somebody waits for."""

    @cached_property
    def backend(self) -> Any:  # noqa: ANN401
        """The ledger, as Celery sees it."""
        return self.app.backend

    @cached_property
    def on_ready(self) -> promise:
        """What `then` has been told to call."""
        return promise(self._on_fulfilled, weak=True)  # type: ignore[attr-defined] # AsyncResult's

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled and copied, it is a plain result: what the submit said stays behind."""
        plain: tuple[Any, ...] = AsyncResult(self.id, app=self.app).__reduce__()
        return plain

    @cached_property
    def eta(self) -> datetime | None:
        """When the phone rings, by estimate, or rang last, as the ledger has it when this is first asked for.

        It takes account of all that can hold a call back: its own time, the windows, those ahead on the same number,
        other numbers that are due, the account's rate and pauses. None if a person has to resume the account first, or
        if the notification ended without a call. Raises `StoreUnavailable`.
        """
        account = self.app.account
        eta_ms = account.ledger.explain(self.id).eta_ms
        return None if eta_ms is None else datetime.fromtimestamp(eta_ms / 1000, ZoneInfo(account.settings.timezone))

    def revoke(self, *_: object, **__: object) -> None:
        """Withdraw the notification, as `voice_notify.cancel` does."""
        cancel(self.id)


class LedgerBackend(BaseBackend):  # type: ignore[misc] # celery has no types
    """A result backend that stores nothing: `state` and `get()` read the ledger."""

    persistent = True

    def get_task_meta(self, task_id: str, cache: bool = True) -> dict[str, Any]:  # noqa: ARG002, FBT001, FBT002 - celery's
        """The state of a notification as Celery names it; unknown ids are PENDING, as Celery has it."""
        try:
            record = self.app.account.ledger.record(task_id)
        except UnknownNotification:
            return {"task_id": task_id, "status": states.PENDING, "result": None, "traceback": None, "children": []}
        status, result = _as_celery(record)
        return {"task_id": task_id, "status": status, "result": result, "traceback": None, "children": []}

    def ensure_chords_allowed(self) -> NoReturn:
        """Refuse a chord, also `group | signature`, before any of it is sent: nothing tells when its header is done."""
        raise TypeError("chords are not supported: a notification ends long after its submit")

    def store_result(self, task_id: str, result: Any, state: str, *_: object, **__: object) -> Any:  # noqa: ANN401, ARG002
        """The ledger has it already."""
        return result


def _as_celery(record: Record) -> tuple[str, object]:
    match record.state:
        case State.WAITING:
            return (states.RETRY if record.attempts else states.PENDING), None
        case State.CALLING:
            return states.STARTED, None
        case State.ACCEPTED:
            return states.SUCCESS, {"call_id": record.call_id, "task_no": record.task_no}
        case State.CANCELLED:
            return states.REVOKED, TaskRevokedError(record.reason)
        case State.DEAD | State.EXPIRED:
            return states.FAILURE, NotDelivered(record.state, record.reason, record.code, record.message)
