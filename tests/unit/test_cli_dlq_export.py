"""`voice-notify dlq export`: dead letters for a spreadsheet or a program."""

from __future__ import annotations

import csv
import io
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.account import NO_BALANCE, REFUSED, UNCLEAR, UNCONFIRMED, other_number
from tests.support.cli import Cli
from voice_notify.domain.outcome import Kind, Outcome
from voice_notify.errors import StoreUnavailable
from voice_notify.ledger.dead_letters import DeadLetters


@pytest.fixture
def one_that_rang(cli: Cli) -> list[str]:
    """Dead letters of several kinds; a late success says that the phone of `c1` rang."""
    ids = cli.bury(a1=NO_BALANCE, r1=REFUSED, u1=UNCLEAR, w1=UNCONFIRMED)
    cli.bury_called("c1")
    return [*ids, "c1"]


@pytest.mark.usefixtures("one_that_rang")
def test_export_as_csv(cli: Cli) -> None:
    """The dead letters come as a table with a header, the oldest first, and stay where they are."""
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
    assert len(cli.dead_letters()) == 5


@pytest.mark.usefixtures("one_that_rang")
@pytest.mark.parametrize("how", [("--json",), ("--format", "json")])
def test_export_as_json(cli: Cli, how: tuple[str, ...]) -> None:
    """As JSON each dead letter is a line, with the fields that `status` has."""
    shown = cli.run("dlq", "export", "--code", "400", *how).stdout
    (dead_letter,) = (json.loads(line) for line in shown.splitlines())
    assert (dead_letter["id"], dead_letter["mobile"], dead_letter["params"]) == ("r1", "139****0001", ["张三", "3号楼"])


@pytest.mark.usefixtures("one_that_rang")
@pytest.mark.parametrize(
    ("arguments", "found"),
    [(("--limit", "2"), ["a1", "r1"]), (("--reason", "unclear"), ["u1"]), (("--number", other_number(3)), ["w1"])],
)
def test_filters_and_limit_choose_what_is_exported(cli: Cli, arguments: tuple[str, ...], found: list[str]) -> None:
    """The filters and `--limit` choose what is exported."""
    rows = csv.DictReader(io.StringIO(cli.run("dlq", "export", *arguments).stdout))
    assert [row["id"] for row in rows] == found


@pytest.mark.usefixtures("one_that_rang")
def test_an_exported_file_is_private_and_complete(cli: Cli, tmp_path: Path) -> None:
    """A file is readable by its owner only, marks its encoding for spreadsheets, and leaves no half file behind."""
    file = tmp_path / "dead.csv"
    assert cli.lines("dlq", "export", "--output", str(file), "--reveal") == [f"5 dead letters in {file}"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_bytes().startswith(b"\xef\xbb\xbfid,")
    rows = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8-sig"))))
    assert rows[0]["mobile"] == other_number(0)
    assert os.listdir(tmp_path) == ["dead.csv"]  # noqa: PTH208 - names


@pytest.mark.usefixtures("one_that_rang")
def test_a_failed_export_leaves_the_last_file_alone(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_a_file_that_cannot_be_written_is_one_line(cli: Cli, tmp_path: Path) -> None:
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
def test_formulas_are_made_harmless(cli: Cli, text: str, cell: str) -> None:
    """What a spreadsheet would take for a formula, from a variable or from the provider, is made harmless."""
    cli.account.submit(id="n1", params=(text,))
    cli.account.call("n1", Outcome(Kind.REFUSED, "400", text))
    (row,) = csv.DictReader(io.StringIO(cli.run("dlq", "export").stdout))
    assert (row["params"], row["message"]) == (cell, cell)
    assert json.loads(cli.run("dlq", "export", "--json").stdout)["params"] == [text]
