"""`voice-notify dlq export|replay`: into a spreadsheet, back in a measured flow, and never twice by accident."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import stat
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.account import ACCEPTED, NO_BALANCE, REFUSED, UNCLEAR, UNCONFIRMED, Account, other_number
from tests.support.cli import Cli, command_line
from voice_notify.cli.dlq import pace
from voice_notify.cli.dlq.pace import Stop, steps
from voice_notify.domain.outcome import Kind, Outcome
from voice_notify.domain.states import State
from voice_notify.errors import StoreUnavailable
from voice_notify.ledger.dead_letters import DeadLetters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cli]:
    with command_line(monkeypatch) as cli:
        yield cli


@pytest.fixture
def letters(cli: Cli) -> list[str]:
    """Dead letters of several kinds; of `c1` a success was reported late."""
    for number, (id_, outcome) in enumerate(
        {"a1": NO_BALANCE, "r1": REFUSED, "u1": UNCLEAR, "w1": UNCONFIRMED}.items()
    ):
        cli.account.submit(other_number(number), id=id_, on_unconfirmed="dead_letter")
        cli.account.call(id_, outcome)
        cli.account.ledger.resume()
    call_late(cli.account, "c1", other_number(9))
    return ["a1", "r1", "u1", "w1", "c1"]


def call_late(account: Account, id_: str, mobile: str) -> None:
    """A dead letter whose worker was lost, and whose success arrived after that."""
    account.submit(mobile, id=id_, on_unconfirmed="dead_letter")
    account.settle(account.lose_call(id_), ACCEPTED)


def in_dlq(cli: Cli) -> list[str]:
    """The ids of all dead letters."""
    return [letter["id"] for letter in cli.json("dlq", "list")["letters"]]


# Export.


@pytest.mark.usefixtures("letters")
def test_export_as_csv(cli: Cli) -> None:
    """The letters come as a table with a header, the oldest first, and stay where they are."""
    rows = list(csv.DictReader(io.StringIO(cli.run("dlq", "export").stdout)))
    assert [row["id"] for row in rows] == ["a1", "r1", "u1", "w1", "c1"]
    assert rows[1] == {
        "id": "r1",
        "dead_since": "2025-06-01T12:00:02.000+08:00",
        "mobile": "139****0001",
        "template_id": "453662",
        "params": "张三,3号楼",
        "priority": "0",
        "code": "400",
        "reason": "refused",
        "message": REFUSED.message,
        "attempts": "1",
        "unconfirmed": "0",
        "created_at": "2025-06-01T12:00:01.000+08:00",
        "deadline": "2025-06-08T12:00:01.000+08:00",
        "call_id": "",
        "task_no": "",
    }
    assert len(in_dlq(cli)) == 5


@pytest.mark.usefixtures("letters")
@pytest.mark.parametrize("how", [("--json",), ("--format", "json")])
def test_export_as_json(cli: Cli, how: tuple[str, ...]) -> None:
    """As JSON each letter is a line, with the fields that `status` has."""
    shown = cli.run("dlq", "export", "--code", "400", *how).stdout
    (letter,) = (json.loads(line) for line in shown.splitlines())
    assert (letter["id"], letter["mobile"], letter["params"]) == ("r1", "139****0001", ["张三", "3号楼"])


@pytest.mark.usefixtures("letters")
@pytest.mark.parametrize(
    ("arguments", "found"),
    [(("--limit", "2"), ["a1", "r1"]), (("--reason", "unclear"), ["u1"]), (("--number", other_number(3)), ["w1"])],
)
def test_export_a_few(cli: Cli, arguments: tuple[str, ...], found: list[str]) -> None:
    """The filters and `--limit` choose what is exported."""
    rows = csv.DictReader(io.StringIO(cli.run("dlq", "export", *arguments).stdout))
    assert [row["id"] for row in rows] == found


@pytest.mark.usefixtures("letters")
def test_export_to_a_file(cli: Cli, tmp_path: Path) -> None:
    """A file is readable by its owner only, marks its encoding for spreadsheets, and leaves no half file behind."""
    file = tmp_path / "dead.csv"
    assert cli.lines("dlq", "export", "--output", str(file), "--reveal") == [f"5 dead letters in {file}"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_bytes().startswith(b"\xef\xbb\xbfid,")
    rows = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8-sig"))))
    assert rows[0]["mobile"] == other_number(0)
    assert os.listdir(tmp_path) == ["dead.csv"]  # noqa: PTH208 - names


@pytest.mark.usefixtures("letters")
def test_an_export_that_fails(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An export that Redis interrupts leaves the file of the last one as it was."""
    file = tmp_path / "dead.csv"
    file.write_text("yesterday's", encoding="utf-8")

    def find(*_: object) -> Iterator[None]:
        raise StoreUnavailable("gone")
        yield

    monkeypatch.setattr(DeadLetters, "find", find)
    result = cli.run("dlq", "export", "--output", str(file))
    assert (result.exit_code, result.stderr) == (1, "Error: gone\n")
    assert [(each.name, each.read_text(encoding="utf-8")) for each in tmp_path.iterdir()] == [
        ("dead.csv", "yesterday's")
    ]


def test_export_to_nowhere(cli: Cli, tmp_path: Path) -> None:
    """A file that cannot be written is told in a line."""
    result = cli.run("dlq", "export", "--output", str(tmp_path / "absent" / "dead.csv"))
    assert result.exit_code == 1
    assert result.stderr.endswith("cannot be written: No such file or directory\n")


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ('=HYPERLINK("http://evil")', '\'=HYPERLINK("http://evil")'),
        ("+1+1", "'+1+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("＝1", "'＝1"),
        (" =1", "' =1"),
        ("a=1", "a=1"),
        ("张三", "张三"),
    ],
)
def test_no_formulas(cli: Cli, text: str, cell: str) -> None:
    """What a spreadsheet would take for a formula, from the words or from the provider, is made harmless."""
    cli.account.submit(id="n1", params=(text,))
    cli.account.call("n1", Outcome(Kind.REFUSED, "400", text))
    (row,) = csv.DictReader(io.StringIO(cli.run("dlq", "export").stdout))
    assert (row["params"], row["message"]) == (cell, cell)
    assert json.loads(cli.run("dlq", "export", "--json").stdout)["params"] == [text]


# Replay.


@pytest.mark.usefixtures("letters")
def test_those_that_rang_stay(cli: Cli) -> None:
    """A replay leaves out the letters whose phone rang, warns, and counts only what it replays."""
    result = cli.run("dlq", "replay", "--all", "--yes")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == "replay: 4 done"
    assert "Warning: 1 dead letter left out: a success was reported late, their phones rang." in result.stderr
    assert in_dlq(cli) == ["c1"]


@pytest.mark.usefixtures("letters")
def test_those_that_rang_count_for_no_limit(cli: Cli) -> None:
    """What is left out does not use up `--limit`."""
    cli.account.submit(other_number(20), id="r9")
    cli.account.call("r9", REFUSED)
    assert cli.run("dlq", "replay", "--all", "--limit", "5", "--yes").exit_code == 0
    assert in_dlq(cli) == ["c1"]


@pytest.mark.usefixtures("letters")
def test_to_ring_again(cli: Cli) -> None:
    """A person may have a phone ring again, and has to say so; naming the id does not do."""
    result = cli.run("dlq", "replay", "c1", "--yes")
    assert (result.exit_code, "c1" in in_dlq(cli)) == (1, True)
    assert "--include-called" in result.stderr
    result = cli.run("dlq", "replay", "c1", "--include-called", "--yes")
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, "replay: 1 done")
    assert result.stderr == "Warning: 1 rang already, and will ring again.\n"
    assert cli.account.state("c1") is State.WAITING


@pytest.mark.usefixtures("letters")
def test_phones_that_may_have_rung(cli: Cli) -> None:
    """A replay says of how many letters nobody knows whether the phone rang."""
    assert "of 2 nobody knows whether the phone rang" in cli.run("dlq", "replay", "--all", "--dry-run").stderr
    assert "nobody knows" not in cli.run("dlq", "replay", "r1", "--dry-run").stderr


@pytest.mark.usefixtures("letters")
def test_show_tells_that_it_rang(cli: Cli) -> None:
    """One letter is shown with what its call id means."""
    assert "the phone rang" in cli.json("dlq", "show", "c1")["advice"]


@pytest.mark.usefixtures("letters")
def test_list_tells_how_many_rang(cli: Cli) -> None:
    """The list says how many letters a replay would leave out, and says nothing where there are none."""
    assert "Of these 1 rang after all, as a late success says; a replay leaves them out." in cli.lines("dlq", "list")
    assert cli.json("dlq", "list")["called"] == 1
    assert "rang after all" not in cli.run("dlq", "list", "--code", "400").stdout


def test_a_success_that_arrives_before_its_turn(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """A letter whose success is reported between the question and its turn is not replayed."""
    account = cli.account
    account.submit(id="n1", on_unconfirmed="dead_letter")
    lost = account.lose_call("n1")
    monkeypatch.setattr("voice_notify.cli.dlq.replay.confirm", lambda *_, **__: account.settle(lost, ACCEPTED))
    assert cli.lines("dlq", "replay", "n1")[-1] == "replay: 0 done, 1 had left already"
    assert in_dlq(cli) == ["n1"]


def test_a_purge_takes_them_all(cli: Cli, letters: list[str]) -> None:
    """A purge needs no more than a yes for those whose phone rang."""
    assert cli.lines("dlq", "purge", *letters, "--yes")[-1] == "purge: 5 done"


@pytest.mark.usefixtures("letters")
def test_a_measured_replay(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """A paced replay says how long it takes, gives back the oldest first, and in the end all."""
    order: list[str] = []
    replay = DeadLetters.replay
    monkeypatch.setattr(Stop, "sleep", lambda *_: None)

    def watch(letters: DeadLetters, ids: Iterable[str], expires: float, **options: bool) -> int:
        order.extend(ids := list(ids))
        return replay(letters, ids, expires, **options)

    monkeypatch.setattr(DeadLetters, "replay", watch)
    lines = cli.lines("dlq", "replay", "--all", "--per-minute", "2", "--yes")
    assert lines[-2:] == ["2 a minute: 2 min for all", "replay: 4 done"]
    assert order == ["a1", "r1", "u1", "w1"]


@pytest.mark.usefixtures("letters")
def test_ctrl_c(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C during a paced replay tells what is done; the rest stays in the dead letters."""
    replay = DeadLetters.replay

    def interrupt(letters: DeadLetters, ids: Iterable[str], expires: float, **options: bool) -> int:
        os.kill(os.getpid(), signal.SIGINT)
        return replay(letters, ids, expires, **options)

    monkeypatch.setattr(DeadLetters, "replay", interrupt)
    result = cli.run("dlq", "replay", "--all", "--per-minute", "1", "--yes")
    assert result.exit_code == 1
    assert result.stdout.splitlines()[-1] == "replay: 1 done"
    assert result.stderr.splitlines()[-1] == "Error: stopped: the other 3 stay in the dead letters"
    assert in_dlq(cli) == ["r1", "u1", "w1", "c1"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.usefixtures("letters")
def test_redis_is_lost_during_a_replay(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Redis is lost, what is done is told, and that the command can be run again."""
    monkeypatch.setattr(pace, "_CHUNK", 2)
    replay, calls = DeadLetters.replay, iter([True, False])

    def fail(letters: DeadLetters, ids: Iterable[str], expires: float, **options: bool) -> int:
        if not next(calls):
            raise StoreUnavailable("Redis cannot be used: gone")
        return replay(letters, ids, expires, **options)

    monkeypatch.setattr(DeadLetters, "replay", fail)
    result = cli.run("dlq", "replay", "--all", "--yes")
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (1, "replay: 2 done")
    assert "run it again" in result.stderr


@pytest.mark.usefixtures("letters")
@pytest.mark.parametrize("rate", ["0", "-1", "x"])
def test_no_rate(cli: Cli, rate: str) -> None:
    """A rate that would never end is wrong use."""
    assert cli.run("dlq", "replay", "--all", "--yes", "--per-minute", rate).exit_code == 2


# Pace.


class Timer(Stop):
    """A clock that only moves when someone waits for it."""

    def __init__(self) -> None:
        self.now = 100.0

    def sleep(self, seconds: float) -> None:
        self.now += max(0.0, seconds)


def paced(
    count: int, per_minute: float | None, after: Callable[[Timer], Any] = lambda _: None
) -> list[tuple[float, int]]:
    """When each step begins, in seconds from the first, and how many it takes; `after` happens in each step."""
    timer, seen = Timer(), []
    for chunk in steps(map(str, range(count)), timer, per_minute, clock=lambda: timer.now):
        seen.append((round(timer.now - 100, 3), len(chunk)))
        after(timer)
    return seen


@pytest.mark.parametrize(
    ("count", "per_minute", "expected"),
    [
        (0, 60, []),
        (3, 60, [(0, 1), (1, 1), (2, 1)]),
        (3, 0.5, [(0, 1), (120, 1), (240, 1)]),
        (25, 1200, [(0, 10), (0.5, 10), (1.0, 5)]),
        (1100, None, [(0, 500), (0, 500), (0, 100)]),
    ],
)
def test_pace(count: int, per_minute: float | None, expected: list[tuple[float, int]]) -> None:
    """So many in a minute, evenly, and no small steps where they are many; without a pace in large chunks at once."""
    assert paced(count, per_minute) == expected


def test_no_rush_after_a_standstill() -> None:
    """What was missed while the process stood still is not made up for."""

    def stand_still(timer: Timer) -> None:
        timer.now += 600 if timer.now == 100 else 0.25

    assert paced(4, 60, stand_still) == [(0, 1), (600, 1), (601, 1), (602, 1)]


def test_a_wait_ends_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks for an end need not wait for the next step."""
    stop = Stop()
    naps = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        stop.asked = True

    monkeypatch.setattr("time.sleep", nap)
    stop.sleep(3600)
    assert len(naps) == 1
    assert list(steps(["a"], stop)) == []
