"""The log: one line per step, as text or JSON, in which no number is whole."""

from __future__ import annotations

import io
import json
import logging
import timeit
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from celery.worker.consumer import consumer

from voice_notify.domain.notification import build_notification
from voice_notify.monitoring.logs import get_logger
from voice_notify.monitoring.worker_logs import make_formatter
from voice_notify.settings import LogFormat

if TYPE_CHECKING:
    from collections.abc import Iterator

ID = "0c13800138000a0c13800138"  # hexadecimal digits, and by chance among them what looks like a number
WORDS = "张三"
NAME = "voice_notify.tests"


class Log:
    """What one handler wrote."""

    def __init__(self) -> None:
        self.stream = io.StringIO()
        self.handler = logging.StreamHandler(self.stream)

    def use(self, log_format: LogFormat) -> None:
        """Write as a worker does."""
        self.handler.setFormatter(make_formatter(log_format, ZoneInfo("Asia/Shanghai")))

    @property
    def text(self) -> str:
        """All of it."""
        return self.stream.getvalue()

    @property
    def line(self) -> dict[str, Any]:
        """The one line that was written, from JSON."""
        return dict(json.loads(self.text))


@pytest.fixture
def log() -> Iterator[Log]:
    """The root logger's one handler, at DEBUG."""
    root, made = logging.getLogger(), Log()
    level, root.level = root.level, logging.DEBUG
    logging.getLogger(NAME).setLevel(logging.NOTSET)
    root.addHandler(made.handler)
    yield made
    root.removeHandler(made.handler)
    root.setLevel(level)


def fail(words: str) -> None:
    """Raise an error whose text has a number, in a frame that holds words."""
    raise ValueError(f"no line for {13_800_138_000 + len(words)}")


def test_a_line_of_ours_as_json_masks_the_number(log: Log) -> None:
    """Each field has its name, the number is masked, and an id of ours stays whole."""
    log.use(LogFormat.JSON)
    get_logger(NAME).info("call ended", id=ID, mobile="13800138000", attempt=1)
    line = log.line
    assert line.pop("timestamp").endswith("+08:00")
    assert line.pop("process") > 0
    assert line == {
        "level": "info",
        "logger": NAME,
        "event": "call ended",
        "id": ID,
        "mobile": "138****8000",
        "attempt": 1,
    }


def test_a_notification_in_a_line_shows_neither_number_nor_text(log: Log) -> None:
    """It shows neither its number nor its words."""
    log.use(LogFormat.JSON)
    get_logger(NAME).info("built", built=build_notification("13800138000", "453662", [WORDS], id="a", templates={}))
    assert "138****8000" in log.line["built"]
    assert WORDS not in log.text


def test_a_line_of_ours_for_people_is_one_line(log: Log) -> None:
    """The console shows the same on one line."""
    log.use(LogFormat.CONSOLE)
    get_logger(NAME).info("call ended", id=ID, mobile="13800138000")
    assert f"call ended [{NAME}] process=" in log.text
    assert f"id={ID} mobile=138****8000" in log.text
    assert log.text.count("\n") == 1


def test_an_application_reads_our_lines_as_text(log: Log) -> None:
    """Where the formatter knows nothing of structlog, a line of ours is text, and it has no whole number either."""
    log.handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    get_logger(NAME).warning("not rung", id=ID, error="13800138000 is busy")
    assert log.text == f'WARNING event="not rung" id={ID} error="138****8000 is busy"\n'


@pytest.mark.parametrize("log_format", list(LogFormat))
@pytest.mark.parametrize("name", [NAME, "celery.worker"])
def test_a_traceback_shows_neither_locals_nor_a_number(log: Log, log_format: LogFormat, name: str) -> None:
    """An exception's text is masked, and what its frames held is not shown."""
    log.use(log_format)
    ours: Any = get_logger(name) if name == NAME else logging.getLogger(name)
    try:
        fail(WORDS)
    except ValueError:
        ours.exception("call failed")
    assert "ValueError: no line for 138****8002" in log.text
    assert "13800138002" not in log.text
    assert WORDS not in log.text


def test_a_library_is_masked_too(log: Log) -> None:
    """What Celery, urllib3 or redis-py log goes the same way."""
    log.use(LogFormat.JSON)
    logging.getLogger("urllib3.connectionpool").debug("GET /?mobile=%s", "13800138000")
    assert log.line["event"] == "GET /?mobile=138****8000"


@pytest.mark.parametrize(
    ("logger", "template", "arguments"),
    [
        ("celery.pool", "TaskPool: Apply %s (args:%s kwargs:%s)", ("trace", "BODY", "BODY")),
        ("celery.worker", consumer.UNKNOWN_FORMAT, ("BODY",)),
        ("celery.worker", consumer.UNKNOWN_TASK_ERROR, ("'other'", "BODY", "BODY", "BODY")),
        ("celery.worker", consumer.INVALID_TASK_ERROR, ("no args", "BODY")),
        ("celery.worker", consumer.MESSAGE_DECODE_ERROR, ("no JSON", "type", "encoding", "BODY", "BODY")),
    ],
)
def test_a_message_is_not_quoted(log: Log, logger: str, template: str, arguments: tuple[str, ...]) -> None:
    """Celery's lines that quote a message end before the quotation: a foreign one holds the words."""
    log.use(LogFormat.JSON)
    logging.getLogger(logger).error(template, *arguments)
    assert "BODY" not in log.text
    assert str(arguments[0]) in log.text or template == consumer.UNKNOWN_FORMAT


def test_celery_still_quotes_as_we_expect() -> None:
    """The pool's line is known by its text, which no name of Celery's holds: this is the text of this version."""
    from celery.concurrency import base  # noqa: PLC0415

    source = base.BasePool.apply_async.__code__.co_consts
    assert "TaskPool: Apply %s (args:%s kwargs:%s)" in source


def test_a_line_that_is_off_costs_next_to_nothing() -> None:
    """Each call logs at INFO, and a worker's usual level is WARNING: the best of many such calls takes < 2 µs."""
    logger = get_logger(f"{NAME}.off")
    logging.getLogger(f"{NAME}.off").setLevel(logging.WARNING)
    runs = timeit.repeat(
        lambda: logger.info("call ended", id=ID, mobile="13800138000", attempt=1, code="200", state="accepted"),
        number=1000,
        repeat=20,
    )
    assert min(runs) / 1000 < 2e-6
