"""The task `voice_notify.notify`, which applications call."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypedDict, Unpack

from celery import Task

from voice_notify.broker.application import app
from voice_notify.domain.notification import Notification, OnUnconfirmed, new_id
from voice_notify.errors import InvalidNotification, KeyConflict, LineFull
from voice_notify.producer.bulk import BulkResult, Row, submit_bulk
from voice_notify.producer.in_threads import in_thread
from voice_notify.producer.results import NotifyResult
from voice_notify.producer.submission import build, build_row, check_options, log_submission
from voice_notify.producer.third_party import submit_message

#: The template's variables, in order; not a `str`, which is a sequence of them too.
Params = list[str] | tuple[str, ...]


#: The arguments of `notify.delay` by their places, as `apply_async` takes them.
Arguments = tuple[str, str] | tuple[str, str, Params]


class NotifyOptions(TypedDict, total=False):
    """The keyword arguments of `notify.delay`, as `apply_async` takes them."""

    key: str | None
    on_unconfirmed: OnUnconfirmed | Literal["resend", "dead_letter", "assume_sent"] | None


class SubmitOptions(TypedDict, total=False):
    """The options of `apply_async` that Celery has too."""

    countdown: float | None
    eta: datetime | str | None
    expires: float | datetime | str | None
    priority: int | None


#: Celery's ways to run something after a task; a notification ends long after its submit.
_CALLBACKS = ("link", "link_error", "chord", "chain")


class Notify(Task):  # type: ignore[misc] # celery has no types
    """Rings a phone once, soon, with a text that the provider has as a template.

    >>> r = notify.delay("13800138000", "453662", ["张三", "3号楼"], key="order-8812")
    >>> r.id, r.eta, r.duplicate

    The options of `apply_async` keep their Celery meaning and become durable: `countdown` or `eta`, `expires`,
    `priority` (0-9, 9 first) and `task_id`. The notification is in the ledger when this returns; the broker gets none
    of it. `bulk` submits many; `status`, `explain` and `cancel` of this package take the id of the result. In asyncio
    code there are `adelay`, `aapply_async` and `abulk`; with Django `on_commit`.
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
        notification = self._build(args or (), kwargs or {}, {**options, "task_id": task_id})
        submission = self.app.account.ledger.submit(notification)
        log_submission(notification, submission)
        # A submit that was sent again because its reply was lost meets itself.
        itself = task_id is None and submission.id == notification.id
        return NotifyResult(submission, duplicate=submission.duplicate and not itself, app=self.app)

    def delay(self, *args: object, **kwargs: object) -> NotifyResult:
        """Submit a notification: `delay(mobile, template_id, params, key=…, on_unconfirmed=…)`."""
        return self.apply_async(args, kwargs)

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

    async def adelay(self, *args: Any, **kwargs: Any) -> NotifyResult:  # noqa: ANN401 - those of `delay`
        """`delay`, to be awaited: it runs in a thread, and the event loop goes on. Cancelled, it may be stored."""
        return await in_thread(self.delay, *args, **kwargs)

    async def aapply_async(self, *args: Any, **options: Any) -> NotifyResult:  # noqa: ANN401 - those of `apply_async`
        """`apply_async`, to be awaited: see `adelay`."""
        return await in_thread(self.apply_async, *args, **options)

    async def abulk(
        self, rows: Iterable[Row], *, chunk: int = 500, progress: Callable[[int], None] | None = None
    ) -> BulkResult:
        """`bulk`, to be awaited: it runs in a thread, which also takes the rows and tells `progress`."""
        return await in_thread(self.bulk, rows, chunk=chunk, progress=progress)

    def on_commit(
        self,
        args: Sequence[Any],
        kwargs: Mapping[str, Any] | None = None,
        *,
        using: str | None = None,
        **options: Any,  # noqa: ANN401 - those of `apply_async`
    ) -> str:
        """Submit once Django's open transaction is committed, and never if it is rolled back. Returns the id at once.

        >>> id_ = notify.on_commit(("13800138000", "453662", ["张三", "3号楼"]), expires=600)

        What it takes is what `apply_async` takes, and `using` is the alias of the database. A mistake in it is
        `InvalidNotification` at once. What the submit itself raises, such as `StoreUnavailable`, comes from where the
        transaction ends, which is committed then. Without an open transaction the submit is made at once. Where a `key`
        is known by then, nothing is stored, and the id stays unknown.
        """
        from django.db import transaction  # noqa: PLC0415 - only its users have it

        id_: str = options.pop("task_id", None) or new_id()
        # What the caller changes later is not meant.
        given, named = copy.deepcopy(tuple(args)), copy.deepcopy(dict(kwargs or {}))
        self._build(given, named, {**options, "task_id": id_})
        transaction.on_commit(partial(self.apply_async, given, named, task_id=id_, **options), using=using)
        return id_

    def delay_on_commit(self, *args: object, **kwargs: object) -> str:
        """`delay`, once Django's open transaction is committed, as Celery has it. Returns the id: see `on_commit`."""
        return self.on_commit(args, kwargs)

    #: Celery's name for it.
    apply_async_on_commit = on_commit

    def _build(self, args: Sequence[Any], kwargs: Mapping[str, Any], options: Mapping[str, Any]) -> Notification:
        """The notification of what a caller gave. Raises `InvalidNotification`; `TypeError` for callbacks of Celery."""
        refused = [name for name in _CALLBACKS if options.get(name)]
        if refused:
            raise TypeError(
                f"{self.name} does not support {', '.join(refused)}: a notification ends long after its submit"
            )
        check_options(options)
        return build(self.app.account, args, kwargs, options)


if TYPE_CHECKING:
    from celery.canvas import Signature

    class TypedNotify:
        """What the editor knows of `notify`. At run time a wrong call is `InvalidNotification`, with field and rule.

        It derives from nothing: a base of Celery's, which has no types, would let every misspelt name pass.
        """

        name: str
        app: Any

        def delay(
            self, mobile: str, template_id: str, params: Params = (), **options: Unpack[NotifyOptions]
        ) -> NotifyResult:
            """Submit a notification to `mobile`, with the variables of the template in order.

            `key` makes a repetition harmless. Raises what `apply_async` raises.
            """

        def apply_async(
            self,
            args: Arguments,
            kwargs: NotifyOptions | None = None,
            task_id: str | None = None,
            **options: Unpack[SubmitOptions],
        ) -> NotifyResult:
            """Submit a notification with Celery's options."""

        async def adelay(
            self, mobile: str, template_id: str, params: Params = (), **options: Unpack[NotifyOptions]
        ) -> NotifyResult:
            """Submit a notification like `delay`, and let the event loop go on meanwhile."""

        async def aapply_async(
            self,
            args: Arguments,
            kwargs: NotifyOptions | None = None,
            task_id: str | None = None,
            **options: Unpack[SubmitOptions],
        ) -> NotifyResult:
            """Submit a notification like `apply_async`, and let the event loop go on meanwhile."""

        def on_commit(
            self,
            args: Arguments,
            kwargs: NotifyOptions | None = None,
            *,
            using: str | None = None,
            task_id: str | None = None,
            **options: Unpack[SubmitOptions],
        ) -> str:
            """Submit once Django's open transaction is committed. Returns the id at once."""

        apply_async_on_commit = on_commit

        def delay_on_commit(
            self, mobile: str, template_id: str, params: Params = (), **options: Unpack[NotifyOptions]
        ) -> str:
            """`delay`, once Django's open transaction is committed. Returns the id at once."""

        def s(self, mobile: str, template_id: str, params: Params = (), **options: Unpack[NotifyOptions]) -> Signature:
            """Celery's signature of a submit, for a `group`."""

        def si(self, mobile: str, template_id: str, params: Params = (), **options: Unpack[NotifyOptions]) -> Signature:
            """Celery's signature that takes no result of another task, for a `link` or the end of a `chain`."""

        def signature(
            self,
            args: Arguments,
            kwargs: NotifyOptions | None = None,
            **options: Any,  # noqa: ANN401 - Celery's
        ) -> Signature:
            """Celery's signature with options of `apply_async`."""

        def bulk(
            self, rows: Iterable[Row], *, chunk: int = 500, progress: Callable[[int], None] | None = None
        ) -> BulkResult:
            """Submit many: see `Notify.bulk`."""

        async def abulk(
            self, rows: Iterable[Row], *, chunk: int = 500, progress: Callable[[int], None] | None = None
        ) -> BulkResult:
            """`bulk`, to be awaited."""


def _submit_for_another(self: Notify, *args: Any, **kwargs: Any) -> str:  # noqa: ANN401 - checked when built
    """Submit on behalf of a producer without this package, whose message this is. Returns the notification's id."""
    return submit_message(self.app, self.request, args, kwargs)


_submit_for_another.__doc__ = Notify.__doc__  # which `help(notify)` shows
notify: TypedNotify = app.task(
    name="voice_notify.notify",
    base=Notify,
    bind=True,
    # A third-party producer's message leaves the broker only when the notification is in the ledger.
    acks_late=True,
    reject_on_worker_lost=True,
    # Monitors see a notification's calls under this name and its id (`task_events.py`), not that its message was taken.
    send_events=False,
    throws=(InvalidNotification, KeyConflict, LineFull),
)(_submit_for_another)
