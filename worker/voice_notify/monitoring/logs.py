"""One line per transition, with the notification's id; numbers are masked in whatever is logged.

Our lines are standard records. Where an application sets up logging they read `event id=… mobile=138****8000`; in a
worker `worker_logs.py` renders them, and Celery's own lines alike.
"""

from __future__ import annotations

import logging
import re
from typing import Any

import structlog
from structlog.typing import EventDict, WrappedLogger

from voice_notify.domain.masking import mask_text

#: An id of ours can, by chance, hold what looks like a number.
_OWN_ID = re.compile(r"[0-9a-f]{24}")

_render_logfmt = structlog.processors.LogfmtRenderer(key_order=["event"])


class Line(dict[str, Any]):
    """The fields of one line; as text, for a formatter that knows nothing of structlog, it is one line of logfmt."""

    def __str__(self) -> str:
        return str(_render_logfmt(None, "", dict(self)))


def mask(_: WrappedLogger, __: str, fields: EventDict) -> EventDict:
    """Hide the middle of every mobile number in `fields`, exceptions' texts and tracebacks included."""
    return {name: value if name.startswith("_") else _masked(value) for name, value in fields.items()}


def _masked(value: object) -> object:
    if isinstance(value, str):
        return value if _OWN_ID.fullmatch(value) else mask_text(str(value))
    # A named tuple, such as a Notification, tells by its `repr` what may be read.
    if type(value) is list or type(value) is tuple:
        return [_masked(each) for each in value]
    return value if value is None or isinstance(value, bool | int | float) else mask_text(str(value))


def _hand_on(logger: logging.Logger, name: str, fields: EventDict) -> tuple[tuple[Line], dict[str, Any]]:
    # `ProcessorFormatter` knows a line of structlog's by these two.
    return (Line(fields),), {"extra": {"_logger": logger, "_name": name}}


class Logger(structlog.stdlib.BoundLogger):
    """A logger whose calls cost a fraction of a microsecond while their level is off: each call has its line."""

    def debug(self, event: str | None = None, *args: Any, **fields: Any) -> Any:  # noqa: ANN401 - structlog's
        """Log at DEBUG."""
        return super().debug(event, *args, **fields) if self._logger.isEnabledFor(logging.DEBUG) else None

    def info(self, event: str | None = None, *args: Any, **fields: Any) -> Any:  # noqa: ANN401
        """Log at INFO."""
        return super().info(event, *args, **fields) if self._logger.isEnabledFor(logging.INFO) else None

    def warning(self, event: str | None = None, *args: Any, **fields: Any) -> Any:  # noqa: ANN401
        """Log at WARNING."""
        return super().warning(event, *args, **fields) if self._logger.isEnabledFor(logging.WARNING) else None

    def exception(self, event: str | None = None, *args: Any, **fields: Any) -> Any:  # noqa: ANN401
        """Log at ERROR, with the traceback as a field: left to logging, it would not be masked."""
        return super().error(event, *args, **{"exc_info": True, **fields})


def get_logger(name: str) -> Logger:
    """A logger of our own configuration: an application's structlog stays untouched."""
    processors: list[Any] = [structlog.stdlib.filter_by_level, structlog.processors.format_exc_info, mask, _hand_on]
    lazy = structlog.wrap_logger(logging.getLogger(name), processors=processors, wrapper_class=Logger)
    logger: Logger = lazy.bind()  # once, and not for every line
    return logger
