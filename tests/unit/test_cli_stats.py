"""`voice-notify stats`: the current situation and what happened."""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Iterator
from math import inf
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console

from tests.support.account import ACCEPTED, NO_BALANCE, REFUSED, UNCONFIRMED, other_number
from tests.support.cli import Cli, command_line
from tests.support.clock import DAY, SECOND
from tests.support.metrics import paused, snapshot
from voice_notify.cli.operate.stats_watch import watch
from voice_notify.cli.rendering.live_rates import MEASURES, Recent
from voice_notify.cli.rendering.live_view import LiveView, sparkline
from voice_notify.domain.states import State
from voice_notify.errors import StoreUnavailable
from voice_notify.ledger.statistics import LATENESS_MS, Histogram, Snapshot


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cli]:
    with command_line(monkeypatch, daily_budget="100") as cli:
        monkeypatch.setattr(cli.account.ledger.scripts.__class__, "now_ms", lambda _: cli.account.clock.now)
        yield cli


# One reading.


def test_a_column_for_each_day_and_the_current_situation(cli: Cli) -> None:
    """A column for each day, the newest first, and below it the current situation."""
    cli.account.call(cli.account.submit(), ACCEPTED, takes=0)
    cli.account.clock.advance(DAY)
    cli.account.call(cli.account.submit(other_number(1), on_unconfirmed="dead_letter"), UNCONFIRMED)
    cli.account.submit(other_number(2))
    assert cli.lines("stats") == [
        "day 2025-06-02 2025-06-01",
        "submitted 2 1",
        "attempts",
        "accepted 200 0 1",
        "unconfirmed read-timeout 1 0",
        "ended",
        "accepted (placed) 0 1",
        "dead (unconfirmed) 1 0",
        "billing units",
        "453662 0 1",
        "453662, perhaps billed 1 0",
        "begun late by",
        "p50 25 ms 25 ms",
        "p95 48 ms 48 ms",
        "p99 50 ms 50 ms",
        "worst ≤ 50 ms ≤ 50 ms",
        "within 250 ms 100 % 100 %",
        "within 1 s 100 % 100 %",
        "within 10 s 100 % 100 %",
        "within 1 min 100 % 100 %",
        "",
        "now",
        "account open, calls go out",
        "workers none: nothing is called",
        "waiting 1: new 1",
        "calling 0",
        "due 1 not yet begun, the first for 0 s",
        "dead letters 1: voice-notify dlq list",
        "spent today 1 of 100 units, 99 left",
    ]


def test_stats_name_the_reason_of_a_pause(cli: Cli) -> None:
    """A pause is told with its reason."""
    cli.account.call(cli.account.submit(), NO_BALANCE)
    assert any(line.startswith("account paused (603 余额不足请充值)") for line in cli.lines("stats"))


def test_stats_as_json_have_the_days_asked_for(cli: Cli) -> None:
    """The same for programs, with the days asked for."""
    cli.account.call(cli.account.submit(), REFUSED)
    document = cli.json("stats", "--days", "3")
    assert [day["day"] for day in document["days"]] == ["2025-06-01", "2025-05-31", "2025-05-30"]
    today = document["days"][0]
    assert today["attempts"] == [{"kind": "refused", "code": "400", "count": 1}]
    assert today["ended"] == [{"state": "dead", "reason": "refused", "count": 1}]
    assert (today["lateness"]["count"], today["lateness"]["buckets"]["50"]) == (1, 1)
    assert (today["latency"]["count"], today["latency"]["p99_ms"]) == (0, None)
    assert document["now"]["dead"] == 1
    assert document["now"]["daily_budget"] == 100


@pytest.mark.parametrize("arguments", [("--watch", "--json"), ("--days", "0"), ("--days", "36"), ("--interval", "0")])
def test_options_that_make_no_sense_are_wrong_use(cli: Cli, arguments: tuple[str, ...]) -> None:
    """What makes no sense is a mistake of usage."""
    assert cli.run("stats", *arguments).exit_code == 2


# Times from buckets.


def histogram(**counts: int) -> Histogram:
    """`b50=3` is three in the bucket up to 50 ms; `binf` those beyond all bounds."""
    names = [f"b{bound}" for bound in (*LATENESS_MS, "inf")]
    return Histogram(LATENESS_MS, tuple(counts.get(name, 0) for name in names), 0)


@pytest.mark.parametrize(
    ("counts", "share", "expected"),
    [
        ({}, 0.5, None),
        ({"b50": 10}, 0.5, 25),
        ({"b50": 10}, 1, 50),
        ({"b50": 90, "b1000": 10}, 0.9, 50),
        ({"b50": 90, "b1000": 10}, 0.95, 750),  # the bucket begins at 500
        ({"b50": 98, "binf": 2}, 0.99, inf),
        ({"b300000": 1}, 0, 60_000),
    ],
)
def test_a_quantile_is_estimated_inside_its_bucket(
    counts: dict[str, int], share: float, expected: float | None
) -> None:
    """A quantile is estimated inside its bucket; beyond the last bound nothing is known."""
    assert histogram(**counts).quantile_ms(share) == expected


def test_the_worst_is_the_bound_of_the_slowest_bucket() -> None:
    """The worst is the bound of the slowest bucket with any in it."""
    assert histogram().worst_ms is None
    assert histogram(b50=5, b2500=1).worst_ms == 2500
    assert histogram(b50=5, binf=1).worst_ms == inf


# The live view.


def readings(**per_second: int) -> Recent:
    """A minute of readings, in which so much happened each second."""
    recent = Recent()
    for second in range(61):
        totals = {name.replace("__", ":"): n * second for name, n in per_second.items()}
        recent.add(snapshot(totals, now_ms=second * SECOND, states={State.WAITING: second}, workers=2))
    return recent


def view(recent: Recent | None = None) -> LiveView:
    """The view of these readings."""
    return LiveView("test", 100, ZoneInfo("Asia/Shanghai"), recent or Recent())


def drawn(recent: Recent, width: int) -> list[str]:
    """The view on a terminal of some width."""
    console = Console(width=width, file=io.StringIO(), force_terminal=True, color_system=None)
    with console.capture() as captured:
        console.print(view(recent))
    return captured.get().splitlines()


def test_counters_are_shown_per_second() -> None:
    """Counters are shown per second, of the last seconds and of the last minute."""
    recent = readings(submitted=12, call__accepted__200=10)
    submitted, accepted, *_ = MEASURES
    for ms in (5_000, 60_000):
        assert recent.rate(submitted, ms) == 12
        assert recent.rate(accepted, ms) == 10


def test_a_rate_spans_the_last_two_readings_at_least() -> None:
    """A rate is over the last two readings where these are further apart than the last seconds."""
    recent = Recent()
    for second in (0, 20):
        recent.add(snapshot({"submitted": second}, now_ms=second * SECOND))
    assert recent.rate(MEASURES[0], 5_000) == 1


def test_a_first_reading_has_no_rates() -> None:
    """A first reading tells levels, and no rates yet."""
    recent = Recent()
    recent.add(snapshot({"submitted": 5}, states={State.WAITING: 3}))
    assert "submitted -/s" in view(recent).line()
    assert "waiting 3" in view(recent).line()


@pytest.mark.parametrize("width", [80, 100, 140])
def test_the_screen_fits_the_terminal(width: int) -> None:
    """The view fits the terminal's width, and 24 lines."""
    lines = drawn(readings(submitted=12, call__accepted__200=10), width)
    assert max(len(line) for line in lines) <= width
    assert len(lines) < 24


def test_each_measure_has_its_numbers_and_bars() -> None:
    """Each measure has its rate or level, its minute, its peak and a line of bars, the newest last."""
    lines = drawn(readings(submitted=12), 80)
    submitted = next(line for line in lines if line.startswith("submitted"))
    assert submitted.split()[1:4] == ["12.0/s", "12.0/s", "12.0/s"]
    assert submitted.rstrip().endswith("███████")
    waiting = next(line for line in lines if line.startswith("waiting "))
    assert waiting.split()[1:4] == ["60", "+60", "60"]
    assert waiting.rstrip()[-7:] == "".join(sorted(waiting.rstrip()[-7:]))


def test_a_pause_is_what_one_sees_first() -> None:
    """A pause is what one sees first."""
    recent = Recent()
    recent.add(snapshot(pauses=(paused("603", "余额不足请充值"),)))
    assert drawn(recent, 80)[1].startswith("paused (603 余额不足请充值)")


def test_the_highest_value_is_a_full_bar() -> None:
    """The highest value is a full bar, anything above zero is seen, and what was not read is empty."""
    assert sparkline([0, 1, 50, 100, None]) == "▁▂▅█ "
    assert sparkline([0, 0]) == "▁▁"
    assert sparkline([]) == ""


def test_a_gap_in_the_readings_has_no_bars_and_no_rate() -> None:
    """While Redis was away there are no bars, and no rate is made up of what is not known."""
    recent = Recent()
    for second in (*range(60), *range(120, 125)):
        recent.add(snapshot({"submitted": second}, now_ms=second * SECOND))
    columns = recent.columns(MEASURES[0], 24)  # of 10 s
    assert [value is None for value in columns[-13:]] == [True, *[False] * 5, *[True] * 6, False]


def test_watch_prints_a_line_for_each_reading(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Elsewhere than on a terminal there is a line each time, until Ctrl-C, which is no failure."""
    cli.account.submit()
    naps = itertools.count()

    def sleep(_: float) -> None:
        if next(naps) == 2:
            raise KeyboardInterrupt
        cli.account.submit(other_number(1))
        cli.account.clock.advance(SECOND)

    monkeypatch.setattr("voice_notify.cli.operate.stats_watch.time.sleep", sleep)
    lines = cli.lines("stats", "--watch")
    assert [re.findall(r"submitted (\S+)/s", line) for line in lines] == [["-"], ["1.0"], ["1.0"]]
    assert lines[-1].endswith("workers 0 account open")


def test_watch_outlives_redis(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Redis going away is told, and the view goes on when it is back."""
    away = StoreUnavailable("Redis cannot be used")
    answers: Iterator[Snapshot | BaseException] = iter([snapshot(), away, snapshot(), KeyboardInterrupt()])

    def read() -> Snapshot:
        answer = next(answers)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    monkeypatch.setattr("voice_notify.cli.operate.stats_watch.time.sleep", lambda _: None)
    watch(read, view(), 1)
    first, trouble, back = capsys.readouterr().out.splitlines()
    assert trouble.startswith("Redis cannot be used; last read at")
    assert "submitted" in first
    assert "submitted" in back
