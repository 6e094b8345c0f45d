"""`voice-notify send --csv --dry-run`: what a file costs and takes, before anything is submitted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.cli import Cli
from tests.unit.test_cli_send import BAD, GOOD, MIXED
from voice_notify.accounts import Account
from voice_notify.domain.states import State
from voice_notify.ledger.connect import connect

if TYPE_CHECKING:
    pass

HEADER = "mobile,template_id,param1,param2,key,expires\n"
ROW = "13800001234,453662,张三,3号楼,,\n"


def test_a_mixed_file_is_checked_and_nothing_submitted(cli: Cli) -> None:
    """Good and refused rows, cost, numbers and time are told, and nothing is submitted or sent."""
    result = cli.run("send", "--csv", str(MIXED), "--dry-run")
    assert result.exit_code == 1
    assert [int(line.split(":")[0].removeprefix("line ")) for line in result.stderr.splitlines()[1:]] == [
        line for line, _, _ in BAD
    ]
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert lines[0].startswith("dry run: nothing was submitted")
    assert f"rows {GOOD} good, {len(BAD)} refused" in lines
    assert "busiest 138****1021 with 4" in lines
    assert "cost 217 billing units" in lines
    assert lines[-3:] == ["453662 130 130", "453701 43 43", "453715 44 44"]
    assert cli.account.ledger.counts()[State.WAITING] == 0
    assert cli.account.woken() == []


def test_a_dry_run_as_json(cli: Cli) -> None:
    """The same for programs; what only Redis knows is null."""
    text = HEADER + ROW * 3 + "13800001235,1,x,,,\n" + "138,453662,张三,3号楼,,\n"
    document = cli.json("send", "--csv", "-", "--dry-run", stdin=text)
    assert document.pop("ends_at")
    (refused,) = document.pop("refused")
    assert (refused["line"], refused["field"]) == (6, "mobile")
    assert document == {
        "dry_run": True,
        "good": 4,
        "encoding": "utf-8",
        "repeated": 0,
        "already_known": None,
        "numbers": 2,
        "busiest": {"mobile": "138****1234", "notifications": 3},
        "over_max_line": 0,
        "units": 4,
        "units_are_exact": False,
        "templates": {
            "1": {"notifications": 1, "units": 1, "declared": False},
            "453662": {"notifications": 3, "units": 3, "declared": True},
        },
        "budget_days": None,
        "takes_seconds": 61.0,
        "calls": 4,
        "expire": 0,
    }


def test_the_cost_of_an_undeclared_template_is_a_lower_bound(cli: Cli) -> None:
    """Of a template that is not declared it is said that its cost is a lower bound."""
    lines = cli.lines("send", "--csv", "-", "--dry-run", stdin=HEADER + "13800001235,1,x,,,\n")
    assert "cost 1 billing unit or more" in lines
    assert "1 1 1 or more" in lines
    assert lines[-1].startswith("The text of 1 is not declared")


def test_a_row_with_an_earlier_key_is_not_counted(cli: Cli) -> None:
    """A row with the key of an earlier one would not be submitted, and is not counted."""
    text = HEADER + ROW.replace(",,", ",order-1,") * 2
    document = cli.json("send", "--csv", "-", "--dry-run", stdin=text)
    assert (document["good"], document["repeated"], document["units"]) == (1, 1, 1)
    assert "repeated 1 with the key of an earlier row: not counted" in cli.lines(
        "send", "--csv", "-", "--dry-run", stdin=text
    )


def test_rows_that_would_expire_are_counted(cli: Cli) -> None:
    """Rows whose deadline comes before the windows allow the call are counted; options of the command hold here too."""
    text = HEADER + ROW * 2 + ROW.replace(",\n", ",10\n")
    assert cli.json("send", "--csv", "-", "--dry-run", stdin=text)["expire"] == 1
    assert cli.json("send", "--csv", "-", "--dry-run", "--expires", "5s", stdin=text)["expire"] == 2
    assert "expire 1 before the windows allow the call" in cli.lines("send", "--csv", "-", "--dry-run", stdin=text)


def test_rows_over_the_length_of_a_line_are_told(cli: Cli) -> None:
    """Rows over `max_line` of one number are told."""
    cli.account.configure(max_line=2)
    text = HEADER + ROW * 5
    assert cli.json("send", "--csv", "-", "--dry-run", stdin=text)["over_max_line"] == 3
    assert "too many 3 rows over the 2 that a line holds (max_line)" in cli.lines(
        "send", "--csv", "-", "--dry-run", stdin=text
    )


def test_the_rate_of_the_account_is_part_of_the_time(cli: Cli) -> None:
    """A limit of the account as a whole is part of the time."""
    cli.account.configure(call_interval_ms=500)
    text = HEADER + "".join(f"138000012{number:02},453715,,,,\n" for number in range(11))
    assert cli.json("send", "--csv", "-", "--dry-run", stdin=text)["takes_seconds"] == 5
    takes = next(line for line in cli.lines("send", "--csv", "-", "--dry-run", stdin=text) if line.startswith("takes"))
    assert takes.startswith("takes 5 s at least")
    assert takes.endswith("by the windows and 2 calls a second")


@pytest.mark.parametrize(("budget", "days"), [(0, None), (2, 2), (3, None), (4, None)])
def test_a_daily_budget_spreads_the_cost_over_days(cli: Cli, budget: int, days: int | None) -> None:
    """Where it costs more than a day's budget, it is said over how many days it is spread."""
    cli.account.configure(daily_budget=budget)
    text = HEADER + ROW * 3
    assert cli.json("send", "--csv", "-", "--dry-run", stdin=text)["budget_days"] == days
    shown = cli.run("send", "--csv", "-", "--dry-run", stdin=text).stdout
    assert (f"spread over {days} days at least" in shown) == (days is not None)


def test_a_long_text_costs_two_units(cli: Cli) -> None:
    """A text of more than 85 characters costs two units."""
    text = HEADER + f"13800001234,453662,{'张' * 60},3号楼,,\n"
    assert cli.json("send", "--csv", "-", "--dry-run", stdin=text)["units"] == 2


def test_a_dry_run_needs_neither_redis_nor_secret(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """No Redis is needed, and no secret."""
    monkeypatch.setenv("VOICE_NOTIFY_REDIS_URL", "redis://127.0.0.1:1/0")
    monkeypatch.delenv("VOICE_NOTIFY_APP_SECRET")
    monkeypatch.setattr(Account, "ledger", property(lambda account: connect(account.settings)))
    assert cli.json("send", "--csv", "-", "--dry-run", stdin=HEADER + ROW)["good"] == 1


def test_a_dry_run_without_a_file_is_wrong_use(cli: Cli) -> None:
    """A dry run is of a file."""
    assert cli.run("send", "13800001234", "453715", "--dry-run").exit_code == 2
    assert cli.account.ledger.counts()[State.WAITING] == 0
