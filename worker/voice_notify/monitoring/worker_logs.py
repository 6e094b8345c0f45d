"""How a worker writes its log: as `log_format` says, and Celery's lines and those of other libraries as our own.

Where a third-party producer submits, a message in the broker contains a number and a text. Celery quotes messages at
DEBUG, and at any level if it cannot read them: what such a line quotes is left out.
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
from voice_notify.monitoring.logs import mask_numbers
from voice_notify.settings import LogFormat

#: The lines that quote a message: what is written instead, and with how many of the arguments.
_WITHOUT_QUOTATION = {
    "TaskPool: Apply %s (args:%s kwargs:%s)": ("TaskPool: Apply %s", 1),
    consumer.UNKNOWN_FORMAT: ("Received and deleted unknown message", 0),
    consumer.UNKNOWN_TASK_ERROR: ("Received unregistered task of type %s", 1),
    consumer.INVALID_TASK_ERROR: ("Received invalid task message: %s", 1),
    consumer.MESSAGE_DECODE_ERROR: ("Can't decode message body: %r", 1),
    "Could not restore message: %r": ("Could not restore a message", 0),
}


class WorkerLogging(Logging):  # type: ignore[misc] # celery has no types
    """Celery's logging with our formatter; `--loglevel` and `--logfile` keep their meaning."""

    def setup_handlers(self, logger: Any, logfile: Any, format: Any, colorize: Any, **_: Any) -> Any:  # noqa: A002, ANN401 - celery's
        """Have `logger` write to `logfile`, else to stderr."""

        def formatter(*_: object, **__: object) -> logging.Formatter:
            settings = current_account().settings
            return make_formatter(settings.log_format, ZoneInfo(settings.timezone), colors=bool(colorize))

        return super().setup_handlers(logger, logfile, format, colorize, formatter=formatter)


def make_formatter(log_format: LogFormat, zone: tzinfo, *, colors: bool = False) -> logging.Formatter:
    """Return a formatter that makes one line of each record: JSON, or text for people with times in `zone`."""
    if log_format is LogFormat.JSON:
        last: list[Processor] = [structlog.processors.JSONRenderer(ensure_ascii=False)]
    else:
        last = [
            structlog.dev.ConsoleRenderer(
                colors=colors, pad_event_to=0, sort_keys=False, exception_formatter=structlog.dev.plain_traceback
            )
        ]
    of_others: list[Processor] = [_leave_out_quotation, structlog.processors.format_exc_info, mask_numbers]
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=of_others, processors=[_RecordFields(zone), *last], pass_foreign_args=True
    )


def leave_out_banner(instance: Any, **_: object) -> None:  # noqa: ANN401 - celery's
    """Have Celery print no banner where the log is JSON. A receiver of the signal `celeryd_init`."""
    account = getattr(instance.app, "account", None)
    if account is not None and account.settings.log_format is LogFormat.JSON:
        instance.quiet = True


class _RecordFields:
    """Puts time, level, logger and process, which the record knows, before the other fields."""

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


def _leave_out_quotation(_: WrappedLogger, __: str, fields: EventDict) -> EventDict:
    arguments, template = fields.pop("positional_args"), fields["_record"].msg
    if template in _WITHOUT_QUOTATION:
        text, count = _WITHOUT_QUOTATION[template]
        fields["event"] = text % tuple(arguments[:count])
    return fields
