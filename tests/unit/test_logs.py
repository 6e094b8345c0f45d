"""The log: one line per step, as text or JSON, in which every number is masked."""

from __future__ import annotations

import io
import json
import logging
import sys
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
TEXT = "张三"
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


def fail(text: str) -> None:
    """Raise an error whose message has a number, in a frame that has a text among its locals."""
    raise ValueError(f"no line for {13_800_138_000 + len(text)}")


def test_a_line_of_ours_as_json_masks_the_number(log: Log) -> None:
    """Each field has its name, the number is masked, and an id of ours stays whole."""
    log.use(LogFormat.JSON)
    get_logger(NAME).info("call ended", id=ID, mobile="13800138000", attempt=1, message="成功")
    assert "成功" in log.text  # as it is, for whoever searches the log
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
        "message": "成功",
    }


def test_a_notification_in_a_line_shows_neither_number_nor_text(log: Log) -> None:
    """A notification that is logged by mistake reveals neither."""
    log.use(LogFormat.JSON)
    get_logger(NAME).info("built", built=build_notification("13800138000", "453662", [TEXT], id="a", templates={}))
    assert "138****8000" in log.line["built"]
    assert TEXT not in log.text


def test_a_line_of_ours_for_people_is_one_line(log: Log) -> None:
    """The same fields, on one line."""
    log.use(LogFormat.CONSOLE)
    get_logger(NAME).info("call ended", id=ID, mobile="13800138000")
    assert f"call ended [{NAME}] process=" in log.text
    assert f"id={ID} mobile=138****8000" in log.text
    assert log.text.count("\n") == 1


@pytest.mark.parametrize("log_format", list(LogFormat))
def test_a_text_from_elsewhere_forges_no_line(log: Log, log_format: LogFormat) -> None:
    """Nor does it reach the terminal of whoever reads the log."""
    log.use(log_format)
    get_logger(NAME).warning("refused", id="a\n2026 FAILED \x1b[31mb", why=["\u202e"])
    logging.getLogger("celery.worker").warning("unknown %s", "a\nb\x1b[31m")
    assert log.text.count("\n") == 2
    assert all(character.isprintable() for line in log.text.splitlines() for character in line)


def test_an_application_reads_our_lines_as_text(log: Log) -> None:
    """For a formatter that knows nothing of structlog, a line of ours is text, and its numbers are masked as well."""
    log.handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    get_logger(NAME).warning("not called", id=ID, error="13800138000 is busy")
    assert log.text == f'WARNING event="not called" id={ID} error="138****8000 is busy"\n'


@pytest.mark.parametrize("log_format", list(LogFormat))
@pytest.mark.parametrize("name", [NAME, "celery.worker"])
def test_a_traceback_shows_neither_locals_nor_a_number(log: Log, log_format: LogFormat, name: str) -> None:
    """The exception's message is masked, and the locals of its frames are not shown."""
    log.use(log_format)
    ours: Any = get_logger(name) if name == NAME else logging.getLogger(name)
    try:
        fail(TEXT)
    except ValueError:
        ours.exception("call failed")
    assert "ValueError: no line for 138****8002" in log.text
    assert "13800138002" not in log.text
    assert TEXT not in log.text


def test_a_library_is_masked_too(log: Log) -> None:
    """Numbers in the lines of Celery, urllib3 or redis-py are masked as in our own."""
    log.use(LogFormat.JSON)
    logging.getLogger("urllib3.connectionpool").debug("GET /?mobile=%s", "13800138000")
    assert log.line["event"] == "GET /?mobile=138****8000"


@pytest.mark.parametrize(
    ("template", "arguments", "line"),
    [
        ("TaskPool: Apply %s (args:%s kwargs:%s)", ("trace", "BODY", "BODY"), "TaskPool: Apply trace"),
        (consumer.UNKNOWN_FORMAT, ("BODY",), "Received and deleted unknown message"),
        (
            consumer.UNKNOWN_TASK_ERROR,
            ("'other'", "BODY", "BODY", "BODY"),
            "Received unregistered task of type 'other'",
        ),
        (consumer.INVALID_TASK_ERROR, ("no args", "BODY"), "Received invalid task message: no args"),
        (
            consumer.MESSAGE_DECODE_ERROR,
            ("no JSON", "type", "encoding", "BODY", "BODY"),
            "Can't decode message body: 'no JSON'",
        ),
    ],
)
def test_a_message_is_not_quoted(log: Log, template: str, arguments: tuple[str, ...], line: str) -> None:
    """Celery's lines do not quote a message: that of a third-party producer contains the text."""
    log.use(LogFormat.JSON)
    logging.getLogger("celery.worker").error(template, *arguments)
    assert log.line["event"] == line
    assert "BODY" not in log.text


def test_celery_still_quotes_as_we_expect() -> None:
    """Celery has no name for the text by which we know the pool's line: it is the one that this version logs."""
    from celery.concurrency import base  # noqa: PLC0415

    source = base.BasePool.apply_async.__code__.co_consts
    assert "TaskPool: Apply %s (args:%s kwargs:%s)" in source


@pytest.mark.parametrize("level", ["debug", "info", "warning"])
def test_a_level_that_is_on_is_written(log: Log, level: str) -> None:
    """And what is below it is not."""
    log.use(LogFormat.JSON)
    logging.getLogger(NAME).setLevel(level.upper())
    for each in ("debug", "info", "warning"):
        getattr(get_logger(NAME), each)(each)
    written = [json.loads(line)["event"] for line in log.text.splitlines()]
    assert written == ["debug", "info", "warning"][["debug", "info", "warning"].index(level) :]


def test_a_line_that_is_off_costs_next_to_nothing() -> None:
    """Each call logs at INFO, and a worker's default level is WARNING: such a line ends at a look at the level."""
    logger = get_logger(f"{NAME}.off")
    logging.getLogger(f"{NAME}.off").setLevel(logging.WARNING)
    logger.info("the first: logging remembers the level from here on")
    called: list[str] = []
    sys.setprofile(lambda frame, event, _: called.append(frame.f_code.co_name) if event == "call" else None)
    try:
        logger.info("call ended", id=ID, mobile="13800138000", attempt=1, code="200", state="accepted")
    finally:
        sys.setprofile(None)
    assert called == ["info", "isEnabledFor"]
