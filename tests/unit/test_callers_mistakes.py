"""What a caller can get wrong: each mistake is an error of ours that names the field, and stores nothing."""

from __future__ import annotations

import pickle
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from celery import chord, group
from kombu.messaging import Producer

from tests.support.account import other_number
from tests.support.cli import Cli
from voice_notify import (
    BulkInterrupted,
    InvalidNotification,
    RowsFailed,
    SettingsError,
    StoreUnavailable,
)
from voice_notify.domain.states import State
from voice_notify.ledger.connect import connect
from voice_notify.producer.bulk import BulkResult, Refusal
from voice_notify.settings import SecretUrl, Settings

if TYPE_CHECKING:
    from voice_notify.producer.notify_task import TypedNotify

GOOD = ("13800138000", "453662", ["张三", "3号楼"])


def stored(cli: Cli) -> int:
    """How many notifications wait."""
    return cli.account.ledger.counts()[State.WAITING]


@pytest.mark.parametrize(
    ("submit", "field", "rule"),
    [
        (lambda notify: notify.delay(), "mobile", "is missing"),
        (lambda notify: notify.delay(GOOD[0]), "template_id", "is missing"),
        (lambda notify: notify.delay(*GOOD, "k1"), "arguments", "4 given"),
        (lambda notify: notify.delay(*GOOD, mobile="x"), "mobile", "given twice"),
        (lambda notify: notify.delay(*GOOD, keyy="k1"), "keyy", "did you mean key?"),
        (lambda notify: notify.delay(*GOOD, sender="me"), "sender", "there are mobile, template_id, params"),
        (lambda notify: notify.delay(*GOOD, countdown=5), "countdown", "is an option of apply_async"),
        (lambda notify: notify.delay(*GOOD, **{"张三 13800138000": 1}), "arguments", "is no argument"),
        (lambda notify: notify.delay("13800138000", "1", [""] * 1_000_000), "params", "at most 500"),
        (lambda notify: notify.apply_async(GOOD, expire=60), "expire", "did you mean expires?"),
        (lambda notify: notify.apply_async(GOOD, delay=60), "delay", "is no option of apply_async"),
        (lambda notify: notify.apply_async(GOOD, eta="tomorrow"), "eta", "2026-06-01T12:00:00+08:00"),
        (lambda notify: notify.apply_async(GOOD, eta=60), "eta", "there is countdown"),
        (lambda notify: notify.apply_async(GOOD, expires="soon"), "expires", "or a number of seconds"),
        (lambda notify: notify.apply_async(GOOD, expires="2026-99-01"), "expires", "must be a datetime"),
        (lambda notify: notify.apply_async(GOOD, countdown="60"), "countdown", "must be a number of seconds"),
    ],
)
def test_a_wrong_call_is_refused_by_field_and_rule(
    cli: Cli, notify: TypedNotify, submit: Callable[[TypedNotify], object], field: str, rule: str
) -> None:
    """Neither a TypeError that names our own functions, nor silence."""
    with pytest.raises(InvalidNotification) as caught:
        submit(notify)
    assert caught.value.field == field
    assert rule in caught.value.rule
    assert stored(cli) == 0


def test_options_of_celery_without_a_meaning_here_are_ignored(cli: Cli, notify: TypedNotify) -> None:
    """As signatures, groups and routers pass them along."""
    options: Any = {"queue": "another", "serializer": "json", "retry": True, "headers": {}, "ignore_result": True}
    notify.apply_async(GOOD, **options)
    assert stored(cli) == 1


@pytest.mark.parametrize(
    "combine",
    [
        lambda notify: notify.map([GOOD]),
        lambda notify: notify.starmap([GOOD]),
        lambda notify: notify.chunks([GOOD], 10),
        lambda notify: chord([notify.s(*GOOD)], notify.s(*GOOD)).apply_async(),
        lambda notify: chord([notify.s(*GOOD)] * 3)(notify.s(*GOOD)),
        lambda notify: (group(notify.s(*GOOD), notify.s(*GOOD)) | notify.s(*GOOD)).apply_async(),
        lambda notify: (notify.s(*GOOD) | notify.s(*GOOD)).apply_async(),
        lambda notify: notify.apply_async(GOOD, link=notify.s(*GOOD)),
    ],
)
def test_what_cannot_be_made_safe_is_refused_before_anything_is_sent(
    cli: Cli, notify: TypedNotify, monkeypatch: pytest.MonkeyPatch, combine: Callable[[TypedNotify], object]
) -> None:
    """Of Celery's workflows: they would put numbers and texts into the broker, or wait for a result for ever."""
    published: list[object] = []
    monkeypatch.setattr(Producer, "publish", lambda _, body, **__: published.append(body))
    with pytest.raises(TypeError, match="not support"):
        combine(notify)
    assert (published, stored(cli)) == ([], 0)


def test_a_group_is_as_many_submits(cli: Cli, notify: TypedNotify, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of its own, and none in the broker."""
    published: list[object] = []
    monkeypatch.setattr(Producer, "publish", lambda _, body, **__: published.append(body))
    group(notify.s(*GOOD), notify.s(*GOOD))()
    assert (published, stored(cli)) == ([], 2)


def test_a_moment_may_be_text(cli: Cli, notify: TypedNotify) -> None:
    """As Celery takes it, in any zone."""
    at = datetime.now(UTC) + timedelta(hours=1)
    moments: tuple[datetime | str, ...] = (at, at.isoformat(), at.astimezone(timezone(timedelta(hours=8))).isoformat())
    ids = [notify.apply_async((other_number(place), "453715"), eta=moment).id for place, moment in enumerate(moments)]
    waits = [cli.account.explain(id_).due_ms for id_ in ids]
    assert len(waits) == 3
    assert all(wait is not None and abs(wait - cli.account.clock.now - 3_600_000) < 60_000 for wait in waits)


@pytest.mark.parametrize("field", ["eta", "expires"])
@pytest.mark.parametrize(
    "moment",
    [
        datetime(2030, 1, 1, 9, 0),  # noqa: DTZ001 - that is the mistake
        "2030-01-01T09:00:00",
        "2030-01-01",
        date(2030, 1, 1),
        timedelta(minutes=10),
    ],
)
def test_a_moment_that_could_be_meant_otherwise_is_refused(
    cli: Cli,
    notify: TypedNotify,
    field: str,
    moment: Any,  # noqa: ANN401 - whatever a caller gives
) -> None:
    """A time of the host, taken for one of UTC, would ring eight hours late in China, and no deadline would tell."""
    with pytest.raises(InvalidNotification) as refused:
        notify.apply_async(GOOD, None, None, **{field: moment})
    assert (refused.value.field, stored(cli)) == (field, 0)


@pytest.mark.parametrize(
    ("row", "field"),
    [
        (None, "row"),
        (5, "row"),
        ("13800138000", "row"),
        ((), "mobile"),
        ({}, "mobile"),
        ((*GOOD, "k1"), "arguments"),
        ({"mobile": GOOD[0]}, "template_id"),
        ({"mobile": GOOD[0], "template_id": "1", "name": "x"}, "name"),
        ({"mobile": GOOD[0], "template_id": "1", None: "x"}, "arguments"),
        ({"mobile": GOOD[0], "template_id": "1", "eta": "soon"}, "eta"),
        ({"mobile": GOOD[0], "template_id": "1", "key": float("nan")}, "key"),
    ],
)
def test_a_bad_row_is_refused_alone(cli: Cli, notify: TypedNotify, row: Any, field: str) -> None:  # noqa: ANN401 - whatever a caller gives
    """The rows around it are stored."""
    result = notify.bulk([GOOD, row, GOOD])
    assert len(result.ids) == stored(cli) == 2
    (refusal,) = result.refused
    assert isinstance(refusal.error, InvalidNotification)
    assert (refusal.position, refusal.error.field) == (1, field)


def test_a_row_may_hold_every_option(cli: Cli, notify: TypedNotify) -> None:
    """By the names that `apply_async` has for them, `task_id` too."""
    row = {"mobile": GOOD[0], "template_id": GOOD[1], "params": GOOD[2], "task_id": "a", "priority": 9, "countdown": 60}
    assert notify.bulk([row, row]).known == {State.WAITING: 1}
    record = cli.account.explain("a").record
    assert (record.id, record.priority) == ("a", 9)


def test_rows_that_fail_leave_a_result(cli: Cli, notify: TypedNotify) -> None:
    """What came before the error is stored and told, what a chunk had begun too."""

    def rows() -> Iterator[tuple[str, str, list[str]]]:
        yield from [GOOD] * 5
        raise OSError("the disk is gone")

    with pytest.raises(RowsFailed, match="5 with OSError: the disk is gone") as caught:
        notify.bulk(rows(), chunk=3)
    assert (len(caught.value.result.ids), caught.value.position, stored(cli)) == (5, 5, 5)
    assert isinstance(caught.value.__cause__, OSError)


def test_errors_of_a_bulk_survive_a_pickle() -> None:
    """As a pool of processes sends them, with their result."""
    result = BulkResult(["a"], refused=[Refusal(1, InvalidNotification("mobile", "is missing"))])
    for error in (BulkInterrupted(result, 2, StoreUnavailable("gone")), RowsFailed(result, 2, OSError("gone"))):
        copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
        assert (type(copy), str(copy), copy.position) == (type(error), str(error), 2)
        assert (copy.result.ids, copy.result.refused[0].error.field) == (["a"], "mobile")


def test_a_wrong_option_of_the_url_is_an_error_of_the_settings() -> None:
    """It names the option, and not the password."""
    url = SecretUrl("redis://:secret@127.0.0.1/0?socket_timeout=abc")
    with pytest.raises(SettingsError, match=r"redis_url: .* 'socket_timeout'") as caught:
        connect(Settings(app_id="a", redis_url=url))
    assert "secret" not in str(caught.value)


def test_an_answer_from_something_else_is_an_outage() -> None:
    """Such as a web server that has taken over the port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            for _ in range(20):
                try:
                    connection = server.accept()[0]
                except OSError:  # the test is over
                    return
                with connection:
                    connection.recv(1000)
                    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        threading.Thread(target=answer, daemon=True).start()
        url = SecretUrl(f"redis://127.0.0.1:{server.getsockname()[1]}/0")
        ledger = connect(Settings(app_id="a", redis_url=url))
        with pytest.raises(StoreUnavailable, match="not Redis"):
            ledger.counts()
