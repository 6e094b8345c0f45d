"""`voice-notify number` and `list`: what an operator looks up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.account import ACCEPTED, MOBILE, NO_BALANCE, REFUSED, TOMORROW, other_number
from tests.support.cli import Cli, command_line
from tests.support.clock import HOUR, MINUTE
from voice_notify.cli.dlq.pace import Stop
from voice_notify.ledger import listing

if TYPE_CHECKING:
    from collections.abc import Iterator

MASKED = "138****8000"


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cli]:
    with command_line(monkeypatch) as cli:
        yield cli


# One number.


def test_a_full_day(cli: Cli) -> None:
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


def test_a_number_as_json(cli: Cli) -> None:
    """The same for programs, and masked too, unless it is asked for whole."""
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
        "held_until": None,
        "account_pause": None,
        "open": 1,
        "line": [
            {
                "id": "n1",
                "state": "waiting",
                "reason": "not_before",
                "where": "beside",
                "priority": 0,
                "due_at": "2025-06-01T12:01:00.000+08:00",
                "deadline": "2025-06-08T12:00:00.000+08:00",
            }
        ],
    }
    assert cli.json("number", MOBILE, "--reveal")["mobile"] == MOBILE
    assert cli.run("number", MOBILE, "--reveal").stdout.startswith(MOBILE)


def test_what_keeps_a_number(cli: Cli) -> None:
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
    assert lines[:2] == [f"{MASKED}: next call at 2025-06-02 00:00:00 (in 12 h)", "blocked by the provider's own limit"]
    assert "held by the provider's limit (606) until 2025-06-02 00:00:00 (in 12 h)" in lines
    cli.account.ledger.pause("wrong words")
    lines = cli.lines("number", MOBILE)
    assert lines[0] == f"{MASKED}: no call while the account is paused"
    assert lines[-1] == "n1 waiting in line 0 when resumed"


def test_a_long_line(cli: Cli) -> None:
    """Of a long line the first are shown, and the others counted."""
    for _ in range(4):
        cli.account.submit()
    assert cli.lines("number", MOBILE, "--limit", "3")[-1] == "… and 1 more: --limit shows more"


@pytest.mark.parametrize("number", ["1380013800", "+8613800138000", "n1", "12800138000"])
def test_no_number(cli: Cli, number: str) -> None:
    """What is no mobile number is wrong use."""
    result = cli.run("number", number)
    assert result.exit_code == 2
    assert "give the 11 digits" in result.stderr


# Lists.


def some(cli: Cli) -> None:
    """Notifications in most states."""
    cli.account.submit(other_number(1), id="w1")
    cli.account.submit(other_number(2), id="w2", countdown=600)
    cli.account.granted(cli.account.submit(other_number(3), id="c1"))
    for number, id_ in enumerate(("a1", "a2", "a3"), 4):
        cli.account.call(cli.account.submit(other_number(number), id=id_))
    cli.account.call(cli.account.submit(other_number(7), id="d1"), REFUSED)


def listed(cli: Cli, *arguments: str) -> dict[str, list[str]]:
    """The ids that are listed, by state."""
    lists = cli.json("list", *arguments)["lists"]
    return {each["state"]: [notification["id"] for notification in each["notifications"]] for each in lists}


def test_what_is_open(cli: Cli) -> None:
    """Without a state the counts are shown, and what is open is listed, in an order that is told."""
    some(cli)
    assert cli.lines("list") == [
        "1 calling, 2 waiting, 1 dead; since ever 3 accepted, 0 expired, 0 cancelled",
        "",
        "calling, the one whose lease runs out first:",
        "id state reason mobile template submitted",
        "c1 calling attempt 139****0003 453662 2025-06-01 12:00:00",
        "",
        "waiting, the number that is due first, each number's in the order of its line:",
        "id state reason mobile template submitted",
        "w1 waiting new 139****0001 453662 2025-06-01 12:00:00",
        "w2 waiting not_before 139****0002 453662 2025-06-01 12:00:00",
    ]


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (("--state", "accepted"), {"accepted": ["a3", "a2", "a1"]}),
        (("--state", "accepted", "--limit", "1"), {"accepted": ["a3"]}),
        (("--state", "dead"), {"dead": ["d1"]}),
        (("--state", "dead", "--reason", "account"), {"dead": []}),
        (("--state", "dead", "--state", "waiting"), {"dead": ["d1"], "waiting": ["w1", "w2"]}),
        (("--state", "expired"), {"expired": []}),
        (("--reason", "not_before"), {"calling": [], "waiting": ["w2"]}),
        (("--number", other_number(1)), {"calling": [], "waiting": ["w1"]}),
        (("--template", "453715"), {"calling": [], "waiting": []}),
    ],
)
def test_chosen(cli: Cli, arguments: tuple[str, ...], found: dict[str, list[str]]) -> None:
    """State, reason, number, template and limit choose what is listed."""
    some(cli)
    assert listed(cli, *arguments) == found


def test_more(cli: Cli) -> None:
    """That there is more than what is shown is said, with the number where it is known."""
    some(cli)
    assert cli.lines("list", "--state", "accepted", "--limit", "1")[-1] == "… and 2 more: --limit shows more"
    assert cli.lines("list", "--state", "waiting", "--limit", "1")[-1] == "… and more: --limit shows more"
    assert cli.lines("list", "--state", "expired")[-1] == "none expired"
    assert cli.json("list", "--state", "accepted", "--limit", "1")["lists"][0]["more"] is True


def test_list_masks(cli: Cli) -> None:
    """Numbers are masked unless they are asked for."""
    some(cli)
    for arguments in ((), ("--json",)):
        assert other_number(1) not in cli.run("list", *arguments).stdout
        assert other_number(1) in cli.run("list", "--reveal", *arguments).stdout


def test_a_look_that_is_stopped(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C during the look at all notifications shows what was found, and says that this is not all."""
    for number in range(40):
        cli.account.call(cli.account.submit(other_number(number)))
    monkeypatch.setattr(listing, "_CHUNK", 3)
    monkeypatch.setattr(Stop, "asked", True)
    assert "stopped before all notifications were looked at" in cli.lines("list", "--state", "accepted")
    assert cli.json("list", "--state", "accepted")["lists"][0]["complete"] is False


def test_list_under_a_pause(cli: Cli) -> None:
    """A paused account's notifications are listed like others."""
    cli.account.call(cli.account.submit(other_number(1)), NO_BALANCE)
    cli.account.submit(id="n1")
    assert listed(cli)["waiting"] == ["n1"]
