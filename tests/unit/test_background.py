"""The background threads: what they handle, in which order and batches, and how they end."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from tests.support.sandbox import eventually
from voice_notify.concurrency import background
from voice_notify.concurrency.background import Background


class Handler:
    """Records the batches it is called with, once `gate` is open."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.entered = threading.Event()
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, items: list[int]) -> float | None:
        self.entered.set()
        self.gate.wait()
        self.batches.append(items)
        return None


@pytest.fixture
def handler() -> Iterator[Handler]:
    """A handler whose gate is open, at the latest when the test has ended."""
    made = Handler()
    yield made
    made.gate.set()


@pytest.fixture
def short_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """A failed handler that ticks is called again soon."""
    monkeypatch.setattr(background, "_PAUSE_AFTER_FAILURE_S", 0.01)


def hold(work: Background[int], handler: Handler) -> None:
    """Put 0, and let the only thread wait in `handler` with it."""
    handler.gate.clear()
    work.put(0)
    assert handler.entered.wait(20)


def test_items_are_handled_in_order(handler: Handler) -> None:
    """By default one at a time, in the order in which they were put."""
    work = Background("test", handler)
    for number in range(100):
        work.put(number)
    work.close()
    assert handler.batches == [[number] for number in range(100)]


def test_what_has_gathered_is_handled_together(handler: Handler) -> None:
    """Up to `most` items that wait make one batch."""
    work = Background("test", handler, most=3)
    hold(work, handler)
    for number in range(1, 6):
        work.put(number)
    handler.gate.set()
    work.close()
    assert handler.batches == [[0], [1, 2, 3], [4, 5]]


def test_a_batch_waits_for_what_is_put_within_its_window(handler: Handler) -> None:
    """An item that follows soon after the first is handled with it."""
    work = Background("test", handler, most=10, batch_window_s=1.0)
    work.put(1)
    assert eventually(lambda: work.pending == 0)
    work.put(2)
    work.close()
    assert handler.batches == [[1, 2]]


def test_without_a_window_an_item_is_handled_at_once(handler: Handler) -> None:
    """It does not wait for others, even if it could be handled with them."""
    work = Background("test", handler, most=10)
    work.put(1)
    assert eventually(lambda: handler.batches == [[1]])
    work.close()


def test_pending_is_the_number_that_waits(handler: Handler) -> None:
    """What is being handled does not wait any more."""
    work = Background("test", handler)
    hold(work, handler)
    assert work.pending == 0
    work.put(1)
    work.put(2)
    assert work.pending == 2


def test_none_is_an_item_like_any_other() -> None:
    """It does not end the thread."""
    handled: list[int | None] = []
    work: Background[int | None] = Background("test", handled.extend)
    for item in (1, None, 2):
        work.put(item)
    work.close()
    assert handled == [1, None, 2]


# ── Ticks ────────────────────────────────────────────────────────────────────────────────────────────────────


def ticker(waits: list[float | None], calls: list[tuple[float, list[int]]]) -> Callable[[list[int]], float | None]:
    """A handler that returns `waits`, one after another, and records when it was called with what."""
    remaining = iter(waits)

    def handle(items: list[int]) -> float | None:
        calls.append((time.monotonic(), items))
        return next(remaining)

    return handle


def test_a_handler_that_ticks_is_called_as_it_asks() -> None:
    """At once, then after the seconds that it returned, and not any more once it returned none."""
    calls: list[tuple[float, list[int]]] = []
    work = Background("test", ticker([0.2, 0.0, None], calls), ticks=True)
    assert eventually(lambda: len(calls) == 3)
    time.sleep(0.1)
    work.close()
    assert [items for _, items in calls] == [[], [], []]
    assert calls[1][0] - calls[0][0] >= 0.2


def test_an_item_does_not_wait_for_the_next_tick() -> None:
    """What is put is handled at once, however long the handler wants to be left alone."""
    calls: list[tuple[float, list[int]]] = []
    work = Background("test", ticker([600, None], calls), ticks=True)
    assert eventually(lambda: len(calls) == 1)
    work.put(1)
    assert eventually(lambda: len(calls) == 2)
    work.close()
    assert [items for _, items in calls] == [[], [1]]


def test_a_time_that_has_passed_is_now() -> None:
    """A negative wait is none, and does not end the thread."""
    calls: list[tuple[float, list[int]]] = []
    work = Background("test", ticker([-0.001, None], calls), ticks=True)
    assert eventually(lambda: len(calls) == 2)
    work.close()


def test_without_ticks_nothing_is_handled_without_items(handler: Handler) -> None:
    """Neither at the start nor at the end."""
    work = Background("test", handler)
    time.sleep(0.05)
    work.close()
    assert handler.batches == []


# ── Failures ─────────────────────────────────────────────────────────────────────────────────────────────────


def fail_at_first(calls: list[list[int]]) -> Callable[[list[int]], float | None]:
    def handle(items: list[int]) -> float | None:
        calls.append(items)
        if len(calls) == 1:
            raise ZeroDivisionError
        return None

    return handle


def test_a_failure_is_logged_and_the_thread_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    """The line names the work and has the traceback; the next item is handled."""
    calls: list[list[int]] = []
    work = Background("sums", fail_at_first(calls))
    work.put(1)
    work.put(2)
    work.close()
    assert calls == [[1], [2]]
    [record] = caplog.records
    assert record.levelname == "ERROR"
    assert "work=sums" in record.getMessage()
    assert "ZeroDivisionError" in record.getMessage()


@pytest.mark.usefixtures("short_pause")
def test_a_ticking_handler_is_called_again_after_a_failure() -> None:
    """A dispatcher that failed once is not silent permanently."""
    calls: list[list[int]] = []
    work = Background("test", fail_at_first(calls), ticks=True)
    assert eventually(lambda: len(calls) == 2)
    work.close()


@pytest.mark.usefixtures("short_pause")
def test_a_failed_handler_without_ticks_waits_for_items() -> None:
    """It is not called with nothing."""
    calls: list[list[int]] = []
    work = Background("test", fail_at_first(calls))
    work.put(1)
    time.sleep(0.1)
    work.close()
    assert calls == [[1]]


# ── The end ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_close_has_what_is_left_handled(handler: Handler) -> None:
    """What was put before `close` is handled before it returns."""
    work = Background("test", handler, most=2)
    hold(work, handler)
    for number in (1, 2, 3):
        work.put(number)
    threading.Timer(0.1, handler.gate.set).start()
    work.close()
    assert handler.batches == [[0], [1, 2], [3]]


def test_close_gives_up_after_its_timeout(handler: Handler) -> None:
    """The timeout is for all threads together."""
    handler.gate.clear()
    work = Background("test", handler, threads=4)
    for number in range(4):
        work.put(number)
    began = time.monotonic()
    work.close(timeout=0.5)
    assert 0.5 <= time.monotonic() - began < 1.5
    assert handler.batches == []


def test_each_thread_finishes_once_after_its_last_item() -> None:
    """`finish` runs on the thread that it is for, so that it can close what belongs to that thread."""
    happened: list[tuple[str, int]] = []
    gate = threading.Barrier(3)

    def handle(_: list[int]) -> None:
        gate.wait(timeout=20)  # so that each thread has an item
        happened.append(("handled", threading.get_ident()))

    def finish() -> None:
        happened.append(("finished", threading.get_ident()))

    work = Background("test", handle, threads=3, finish=finish)
    for number in range(3):
        work.put(number)
    work.close()
    for thread in {thread for _, thread in happened}:
        assert [what for what, by in happened if by == thread] == ["handled", "finished"]
    assert len(happened) == 6


def test_a_failure_to_finish_is_logged(caplog: pytest.LogCaptureFixture, handler: Handler) -> None:
    """It reaches the log, and not only the interpreter's stderr."""

    def finish() -> None:
        raise ZeroDivisionError

    Background("sums", handler, finish=finish).close()
    assert [("work=sums" in record.getMessage(), record.levelname) for record in caplog.records] == [(True, "ERROR")]


def test_threads_share_the_items_and_all_end() -> None:
    """With several threads and batches, each item is handled once, and `close` reaches every thread."""
    for _ in range(50):
        seen = Counter[int]()
        lock = threading.Lock()

        def handle(items: list[int], seen: Counter[int] = seen, lock: threading.Lock = lock) -> None:
            with lock:
                seen.update(items)

        work = Background("test", handle, threads=4, most=3)
        for number in range(30):
            work.put(number)
        before = threading.active_count()
        work.close(timeout=20)
        assert seen == Counter(range(30))
        assert threading.active_count() == before - 4
