"""How a worker handles a third-party producer's message: nothing shows its text, and nothing in it ends the worker."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from celery.exceptions import InvalidTaskError, TaskRevokedError, WorkerLostError
from celery.worker import state
from celery.worker.request import Request

from voice_notify.delivery.redis_transport import broker_errors
from voice_notify.delivery.set_aside import raw_form
from voice_notify.errors import StoreUnavailable
from voice_notify.monitoring.logs import get_logger

log = get_logger(__name__)

#: What the pool calls while a message is handled, each in the event loop of the main process.
_CALLBACKS = ("on_accepted", "on_success", "on_failure", "on_timeout")


class PrivateRequest(Request):  # type: ignore[misc] # celery has no types
    """A third-party producer's message: it holds the number and the text, which `celery inspect` is not to show.

    Its process places calls beside it, which a time limit would break off: a message has none. Nor does it wait here
    for its time, since Redis would deliver it again each minute: the task gets its `eta`, and the ledger keeps it.
    """

    argsrepr = kwargsrepr = "(hidden)"

    def __init__(self, message: Any, **options: Any) -> None:  # noqa: ANN401 - celery's
        super().__init__(message, **options)
        _check(self)
        self.time_limits = (None, None)
        # Celery reads more ways to write a time than Python does.
        self._request_dict |= {name: each and each.isoformat() for name, each in self._times().items()}
        self._eta = None
        self._process_lost = False
        # Celery makes a subclass of this for each task, which overrides some of these.
        execute: Callable[..., Any] = super().__getattribute__("execute_using_pool")
        self.execute_using_pool = partial(self._execute, execute)
        for name in _CALLBACKS:
            setattr(self, name, partial(self._attempt, getattr(self, name)))

    def info(self, safe: bool = False) -> dict[str, Any]:  # noqa: ARG002, FBT001, FBT002 - celery's
        """What is shown of it."""
        return {**super().info(safe=True), "args": self.argsrepr, "kwargs": self.kwargsrepr}

    def acknowledge(self) -> None:
        """It is done."""
        super().acknowledge()
        self._app.worker_process.redeliveries.end(self._message)

    def reject(self, requeue: bool = False) -> None:  # noqa: FBT001, FBT002 - celery's
        """It is not, and may come again."""
        super().reject(requeue)
        if not self._process_lost:
            self._app.worker_process.redeliveries.end(self._message)

    def on_failure(self, exc_info: Any, *args: Any, **options: Any) -> None:  # noqa: ANN401 - celery's
        """The task failed, or its process ended."""
        error = getattr(exc_info.exception, "exc", exc_info.exception)
        self._process_lost = isinstance(error, WorkerLostError | MemoryError)
        if isinstance(error, MemoryError):  # Celery would end the whole worker
            state.task_ready(self)
            self.reject(requeue=True)
        else:
            super().on_failure(exc_info, *args, **options)

    def _times(self) -> dict[str, datetime | None]:
        return {"eta": self._eta, "expires": self._expires}

    def _execute(self, execute: Callable[..., Any], *args: Any, **options: Any) -> Any:  # noqa: ANN401
        try:
            return execute(*args, **options)
        except (TaskRevokedError, *broker_errors(self._connection_errors)):
            raise
        except Exception as error:
            self._give_up(error)
            raise TaskRevokedError(self.id) from error  # by which the process that it was given is free again

    def _attempt(self, do: Callable[..., Any], *args: Any, **options: Any) -> None:  # noqa: ANN401
        try:
            do(*args, **options)
        except broker_errors(self._connection_errors):
            raise
        except StoreUnavailable as error:
            log.warning("a message goes back to the broker", error=str(error))
            state.task_ready(self)
            self.reject(requeue=True)
        except Exception as error:  # noqa: BLE001 - its producer decides what is in it
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        state.task_ready(self)
        self._app.worker_process.set_aside.add(raw_form(self._message), error)
        self.reject(requeue=False)


def _check(request: Request) -> None:
    """Refuse what Celery uses where no error is caught any more, or quotes in the log of a pool's process."""
    args, kwargs, embed = request._payload  # noqa: SLF001
    if not (isinstance(request.id, str) or request.id is None):
        raise InvalidTaskError("id")
    if not (isinstance(args, list | tuple) and isinstance(kwargs, dict) and isinstance(embed, dict | None)):
        raise InvalidTaskError("body")
    if not all(_is_signatures((embed or {}).get(name)) for name in ("callbacks", "errbacks", "chain", "chord")):
        raise InvalidTaskError("embed")
    limits = request.time_limits
    if not (isinstance(limits, list | tuple) and len(limits) == 2 and all(map(_is_limit, limits))):  # noqa: PLR2004
        raise InvalidTaskError("timelimit")


def _is_signatures(value: object) -> bool:
    return value is None or all(isinstance(each, Mapping) for each in (value if isinstance(value, list) else [value]))


def _is_limit(limit: object) -> bool:
    return limit is None or (isinstance(limit, int | float) and math.isfinite(limit))
