"""`voice-notify list`: notifications by state."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.account import NO_BALANCE, REFUSED, other_number
from tests.support.cli import Cli, command_line
from voice_notify.cli.ctrl_c import Stop
from voice_notify.ledger import paging
from voice_notify.ledger.scripts import Scripts


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cli]:
    with command_line(monkeypatch) as cli:
        monkeypatch.setattr(Scripts, "now_ms", lambda _: cli.account.clock.now)
        yield cli


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


def test_without_a_state_the_open_ones_are_listed(cli: Cli) -> None:
    """Without a state the counts are shown, and what is open is listed, in an order that is told."""
    some(cli)
    assert cli.lines("list") == [
        "1 calling, 2 waiting, 1 dead; all-time 3 accepted, 0 expired, 0 cancelled",
        "",
        "calling, the one whose lease runs out first:",
        "id state reason mobile template submitted",
        "c1 calling attempt 139****0003 453662 2025-06-01 12:00:00",
        "",
        "waiting, the number whose turn comes first, each number's in the order of its line:",
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
def test_options_choose_what_is_listed(cli: Cli, arguments: tuple[str, ...], found: dict[str, list[str]]) -> None:
    """State, reason, number, template and limit choose what is listed."""
    some(cli)
    assert listed(cli, *arguments) == found


def test_a_list_says_how_to_go_on(cli: Cli) -> None:
    """What a list prints leads to the next page, in text and in JSON; the last page leads nowhere."""
    some(cli)
    for state, ids in (("accepted", ["a3", "a2", "a1"]), ("waiting", ["w1", "w2"]), ("dead", ["d1"])):
        arguments, found = ["--state", state, "--limit", "1"], []
        for id_ in ids:
            (page,) = cli.json("list", *arguments)["lists"]
            found += page["notifications"]
            told = cli.lines("list", *arguments)[-1]
            if id_ == ids[-1]:
                assert (page["next"], "--after" in told) == (None, False)
            else:
                arguments[4:] = ["--after", page["next"]]
                assert told == f"… there may be more: --state {state} --after {page['next']} goes on"
        assert [each["id"] for each in found] == ids
    assert cli.lines("list", "--state", "expired")[-1] == "none expired"


def test_a_place_belongs_to_one_list(cli: Cli) -> None:
    """Without its state, or in another list, it is a mistake of the command line."""
    some(cli)
    for states in ((), ("--state", "accepted", "--state", "dead")):
        refused = cli.run("list", *states, "--after", "20240:1")
        assert (refused.exit_code, "--after goes with one --state" in refused.stderr) == (2, True)
    refused = cli.run("list", "--state", "waiting", "--after", "nowhere")
    assert (refused.exit_code, "'nowhere' is no place in this list" in refused.stderr) == (2, True)


def test_numbers_in_a_list_are_masked(cli: Cli) -> None:
    """Numbers are masked unless they are asked for."""
    some(cli)
    for arguments in ((), ("--json",)):
        assert other_number(1) not in cli.run("list", *arguments).stdout
        assert other_number(1) in cli.run("list", "--reveal", *arguments).stdout


def test_a_stopped_search_shows_what_it_found(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C ends a search: what was found is shown, that this is not all, and with what to go on."""
    monkeypatch.setattr(paging, "PAGE", 3)
    for number in range(5):
        cli.account.call(cli.account.submit(other_number(number), id=f"n{number}"))
    search = ("list", "--state", "accepted", "--number", other_number(1))
    with monkeypatch.context() as stopped:
        stopped.setattr(Stop, "asked", True)
        lines, document = cli.lines(*search), cli.json(*search)["lists"][0]
    assert lines[2:4] == ["stopped before all notifications were looked at", "none accepted"]
    assert (document["complete"], document["notifications"]) == (False, [])
    assert lines[4].endswith(f"--after {document['next']} goes on")
    assert listed(cli, *search[1:], "--after", document["next"]) == {"accepted": ["n1"]}


def test_a_paused_account_is_listed_like_others(cli: Cli) -> None:
    """A paused account's notifications are listed like others."""
    cli.account.call(cli.account.submit(other_number(1)), NO_BALANCE)
    cli.account.submit(id="n1")
    assert listed(cli)["waiting"] == ["n1"]
