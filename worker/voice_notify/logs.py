"""One line per transition, through the standard logging that Celery sets up; numbers are masked."""

from __future__ import annotations

import logging
from typing import Any

import structlog

_PROCESSORS: list[Any] = [
    structlog.stdlib.filter_by_level,
    structlog.processors.format_exc_info,
    structlog.processors.LogfmtRenderer(key_order=["event"]),
]


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger of our own configuration: an application's structlog stays untouched."""
    logger: structlog.stdlib.BoundLogger = structlog.wrap_logger(
        logging.getLogger(name), processors=_PROCESSORS, wrapper_class=structlog.stdlib.BoundLogger
    )
    return logger
