"""How a worker writes its log: `log_format` decides, for Celery's own lines and those of libraries too.

A message in the broker holds the number and the words where a foreign producer sent the notification itself. Celery
quotes messages at DEBUG, and those that it cannot read at any level: such a line is cut before the quotation.
"""

from __future__ import annotations

import logging
from datetime import datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from celery.app.log import Logging
from celery.worker.consumer import consumer
from structlog.typing import EventDict, Processor, WrappedLogger

from voice_notify.accounts import current_account
from voice_notify.monitoring.logs import mask
from voice_notify.settings import LogFormat

#: What quotes a message, and what may be said in its place, with as many of its arguments.
_QUOTING = {
    "TaskPool: Apply %s (args:%s kwargs:%s)": ("TaskPool: Apply %s", 1),
    consumer.UNKNOWN_FORMAT: ("Received and deleted unknown message", 0),
    consumer.UNKNOWN_TASK_ERROR: ("Received unregistered task of type %s", 1),
    consumer.INVALID_TASK_ERROR: ("Received invalid task message: %s", 1),
    consumer.MESSAGE_DECODE_ERROR: ("Can't decode message body: %r", 1),
}


class WorkerLogging(Logging):  # type: ignore[misc] # celery has no types
    """Celery's logging with our formatter; its `--loglevel` and `--logfile` mean what they always do."""

    def setup_handlers(self, logger: Any, logfile: Any, format: Any, colorize: Any, **_: Any) -> Any:  # noqa: A002, ANN401
        """Have `logger` write to `logfile`, or to stderr."""

        def formatter(*_: object, **__: object) -> logging.Formatter:
            settings = current_account().settings
            return make_formatter(settings.log_format, ZoneInfo(settings.timezone), colors=bool(colorize))

        return super().setup_handlers(logger, logfile, format, colorize, formatter=formatter)


def make_formatter(log_format: LogFormat, zone: tzinfo, *, colors: bool = False) -> logging.Formatter:
    """One line for each record, as JSON or for people."""
    if log_format is LogFormat.JSON:
        last: list[Processor] = [structlog.processors.JSONRenderer(ensure_ascii=False)]
    else:
        last = [
            structlog.dev.ConsoleRenderer(
                colors=colors, pad_event_to=0, sort_keys=False, exception_formatter=structlog.dev.plain_traceback
            )
        ]
    foreign: list[Processor] = [_without_quotation, structlog.processors.format_exc_info, mask]
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=foreign, processors=[_Stamp(zone), *last], pass_foreign_args=True
    )


def leave_out_banner(instance: Any, **_: object) -> None:  # noqa: ANN401 - celery's
    """Print no banner where JSON is written: what reads its lines has no use for one."""
    account = getattr(instance.app, "account", None)
    if account is not None and account.settings.log_format is LogFormat.JSON:
        instance.quiet = True


class _Stamp:
    """Puts time, level, logger and process in front."""

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone

    def __call__(self, _: WrappedLogger, __: str, fields: EventDict) -> EventDict:
        record: logging.LogRecord = fields.pop("_record")
        fields.pop("_from_structlog")
        return {
            "timestamp": datetime.fromtimestamp(record.created, self._zone).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "process": record.process,
            "event": fields.pop("event"),
            **fields,
        }


def _without_quotation(_: WrappedLogger, __: str, fields: EventDict) -> EventDict:
    arguments, template = fields.pop("positional_args"), fields["_record"].msg
    if template in _QUOTING:
        text, count = _QUOTING[template]
        fields["event"] = text % tuple(arguments[:count])
    return fields
