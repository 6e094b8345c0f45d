"""The loggers of this package, in an application's process as in a worker's. They mask every number.

A line is a standard log record. Any formatter shows it as text: `event=expired id=… mobile=138****8000`; a worker's is
in `worker_logs.py`.
"""

from __future__ import annotations

import logging
import re
from typing import Any

import structlog
from structlog.typing import EventDict, WrappedLogger

from voice_notify.domain.masking import mask_text
from voice_notify.domain.printable import printable

#: An id of ours, which may by chance contain what looks like a number.
_OWN_ID = re.compile(r"[0-9a-f]{24}")

#: Fields that structlog makes of exceptions.
_OF_MANY_LINES = {"exception", "stack"}

_render_logfmt = structlog.processors.LogfmtRenderer(key_order=["event"])


class Fields(dict[str, Any]):
    """The fields of one line. As text, for a formatter that knows nothing of structlog, they are a line of logfmt."""

    def __str__(self) -> str:
        return str(_render_logfmt(None, "", dict(self)))


def mask_numbers(_: WrappedLogger, __: str, fields: EventDict) -> EventDict:
    """Hide the middle of every mobile number in `fields`, also in the texts of exceptions and in tracebacks.

    Of these only tracebacks keep their lines: a text from elsewhere cannot forge one.
    """
    return {name: value if name.startswith("_") else _shown(name, value) for name, value in fields.items()}


def _shown(name: str, value: object) -> object:
    if name in _OF_MANY_LINES and isinstance(value, str):
        return "\n".join(printable(mask_text(line)) for line in value.split("\n"))
    return _mask(value)


def _mask(value: object) -> object:
    if isinstance(value, str):
        return value if _OWN_ID.fullmatch(value) else printable(mask_text(str(value)))
    # Not a named tuple, such as a Notification: its `repr` shows what may be seen.
    if type(value) is list or type(value) is tuple:
        return [_mask(each) for each in value]
    return value if value is None or isinstance(value, bool | int | float) else printable(mask_text(str(value)))


def _to_record_arguments(logger: logging.Logger, name: str, fields: EventDict) -> tuple[tuple[Fields], dict[str, Any]]:
    # By these two, `ProcessorFormatter` recognizes a line of structlog's.
    return (Fields(fields),), {"extra": {"_logger": logger, "_name": name}}


class Logger(structlog.stdlib.BoundLogger):
    """A logger whose calls cost next to nothing while their level is off: each call to the provider logs two lines."""

    def debug(self, event: str | None = None, *args: Any, **fields: Any) -> Any:  # noqa: ANN401 - structlog's
        """Log at DEBUG."""
        return super().debug(event, *args, **fields) if self._logger.isEnabledFor(logging.DEBUG) else None

    def info(self, event: str | None = None, *args: Any, **fields: Any) -> Any:  # noqa: ANN401 - as above
        """Log at INFO."""
        return super().info(event, *args, **fields) if self._logger.isEnabledFor(logging.INFO) else None

    def warning(self, event: str | None = None, *args: Any, **fields: Any) -> Any:  # noqa: ANN401 - as above
        """Log at WARNING."""
        return super().warning(event, *args, **fields) if self._logger.isEnabledFor(logging.WARNING) else None

    def exception(self, event: str | None = None, *args: Any, **fields: Any) -> Any:  # noqa: ANN401 - as above
        """Log at ERROR, with the traceback as a field: numbers in it would not be masked if logging added it."""
        return super().error(event, *args, **{"exc_info": True, **fields})


def get_logger(name: str) -> Logger:
    """Return a logger that is configured by itself: an application's configuration of structlog is not touched."""
    processors: list[Any] = [
        structlog.stdlib.filter_by_level,
        structlog.processors.format_exc_info,
        mask_numbers,
        _to_record_arguments,
    ]
    lazy = structlog.wrap_logger(logging.getLogger(name), processors=processors, wrapper_class=Logger)
    logger: Logger = lazy.bind()  # here once, instead of for every line
    return logger
