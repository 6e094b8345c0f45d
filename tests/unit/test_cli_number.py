"""`voice-notify number`: a number's calls, its limits and its line."""

from __future__ import annotations

import pytest

from tests.support.account import ACCEPTED, MOBILE, TOMORROW, other_number
from tests.support.cli import Cli
from tests.support.clock import HOUR, MINUTE

MASKED = "138****8000"


def test_a_day_with_all_its_calls_is_a_picture(cli: Cli) -> None:
    """A number's day is a picture: calls by their time, what leaves when, when the next is free, and its line."""
    for hours in (1, 1, 1, 2, 0):
        cli.account.clock.advance(hours * HOUR + MINUTE)
        cli.account.call(cli.account.submit(), ACCEPTED, takes=0)
    cli.account.clock.advance(HOUR)
    cli.account.submit(id="n1", priority=7)
    cli.account.submit(id="n2", expires=60)
    shown = cli.run("number", MOBILE).stdout.splitlines()
    assert shown == [
        f"{MASKED}: next call at 2025-06-02 13:01:00 (in 18 h 56 min)",
        "  blocked by  the number has had its calls of the day",
        "  calls       5 of 5 in 1 d, 0 left",
        "  gap         at least 30.5 s between two calls",
        "  line        2 open",
        "",
        "  |........................................................1..1..1.....11..|",
        "   18:04             00:04             06:04             12:04          now",
        "",
        "  call                 after      leaves the window at",
        "  2025-06-01 13:01:00             2025-06-02 13:01:00 (in 18 h 56 min)",
        "  2025-06-01 14:02:00  1 h 1 min  2025-06-02 14:02:00 (in 19 h 57 min)",
        "  2025-06-01 15:03:00  1 h 1 min  2025-06-02 15:03:00 (in 20 h 58 min)",
        "  2025-06-01 17:04:00  2 h 1 min  2025-06-02 17:04:00 (in 22 h 59 min)",
        "  2025-06-01 17:05:00  1 min      2025-06-02 17:05:00 (in 23 h)",
        "",
        "  id  state    where    priority  due",
        "  n1  waiting  in line  7         2025-06-02 13:01:00",
        "  n2  waiting  in line  0         expires 2025-06-01 18:06:00",
    ]
    assert max(len(line) for line in shown) <= 80


def test_a_number_that_waits_for_its_turn_says_so(cli: Cli) -> None:
    """Behind others that are due, or for the account's rate, with how many are called before it."""
    for number in range(3):
        cli.account.submit(other_number(number))
    cli.account.clock.advance(1)
    cli.account.submit(id="n1")
    lines = cli.lines("number", MOBILE)
    assert lines[:3] == [
        f"{MASKED}: may be called now, and waits for its turn",
        "blocked by others are called before it: more urgent ones, or longer due",
        "ahead 3 other numbers that are due",
    ]
    cli.account.configure(call_interval_ms=1000)
    assert cli.json("number", MOBILE)["blocked_by"] == cli.json("explain", "n1")["reason"] == "rate"


def test_a_number_as_json(cli: Cli) -> None:
    """The same for programs, and masked too, unless it is asked for in full."""
    cli.account.call(cli.account.submit(), ACCEPTED, takes=0)
    cli.account.submit(id="n1", countdown=60)
    document = cli.json("number", MOBILE)
    assert document == {
        "mobile": MASKED,
        "at": "2025-06-01T12:00:00.000+08:00",
        "min_interval": 30.5,
        "max_calls": 5,
        "window": 86_400.5,
        "calls": [{"at": "2025-06-01T12:00:00.000+08:00", "leaves_window_at": "2025-06-02T12:00:00.500+08:00"}],
        "calls_left": 4,
        "next_free_at": "2025-06-01T12:00:30.500+08:00",
        "blocked_by": "gap",
        "due_before": 0,
        "held_until": None,
        "account_pause": None,
        "open": 1,
        "line": [
            {
                "id": "n1",
                "state": "waiting",
                "reason": "not_before",
                "where": "scheduled",
                "priority": 0,
                "due_at": "2025-06-01T12:01:00.000+08:00",
                "deadline": "2025-06-08T12:00:00.000+08:00",
            }
        ],
    }
    assert cli.json("number", MOBILE, "--reveal")["mobile"] == MOBILE
    assert cli.run("number", MOBILE, "--reveal").stdout.startswith(MOBILE)


def test_what_keeps_a_number_from_being_called_is_said(cli: Cli) -> None:
    """Nothing, a call on the wire, a 606 or the account: each is said in words."""
    assert cli.lines("number", MOBILE)[0] == f"{MASKED}: may be called now"
    assert "line empty" in cli.lines("number", MOBILE)
    cli.account.submit(id="n1")
    grant = cli.account.granted("n1")
    lines = cli.lines("number", MOBILE)
    assert lines[:2] == [
        f"{MASKED}: next call at 2025-06-01 12:00:30 (in 30 s)",
        "blocked by another call to its number is on the wire",
    ]
    cli.account.settle(grant, TOMORROW)
    lines = cli.lines("number", MOBILE)
    assert lines[:2] == [
        f"{MASKED}: next call at 2025-06-02 00:00:00 (in 12 h)",
        "blocked by the provider's own limit of the day",
    ]
    assert "held by the provider's limit (606) until 2025-06-02 00:00:00 (in 12 h)" in lines
    cli.account.ledger.pause("wrong text")
    lines = cli.lines("number", MOBILE)
    assert lines[0] == f"{MASKED}: no call while the account is paused"
    assert lines[-1] == "n1 waiting in line 0 when resumed"


def test_of_a_long_line_the_first_are_shown(cli: Cli) -> None:
    """Of a long line the first are shown, and the others counted."""
    for _ in range(4):
        cli.account.submit()
    assert cli.lines("number", MOBILE, "--limit", "3")[-1] == "… and 1 more: --limit shows more"


@pytest.mark.parametrize("number", ["1380013800", "+8613800138000", "n1", "12800138000"])
def test_what_is_no_mobile_number_is_wrong_use(cli: Cli, number: str) -> None:
    """What is no mobile number is wrong use."""
    result = cli.run("number", number)
    assert result.exit_code == 2
    assert "give the 11 digits" in result.stderr
