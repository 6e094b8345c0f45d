"""`voice-notify dlq list|show`: what dead letters there are, and what can be done about them."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest

from tests.support.account import NO_BALANCE, REFUSED, UNCLEAR, UNCONFIRMED, other_number
from tests.support.cli import Cli
from tests.support.clock import HOUR


@pytest.fixture
def dead_letters(cli: Cli) -> list[str]:
    """Dead letters of several kinds, two of them alike."""
    return cli.bury(a1=NO_BALANCE, r1=REFUSED, r2=REFUSED, u1=UNCLEAR, w1=UNCONFIRMED)


@pytest.fixture
def one_that_rang(cli: Cli) -> list[str]:
    """Dead letters of several kinds; a late success says that the phone of `c1` rang."""
    ids = cli.bury(a1=NO_BALANCE, r1=REFUSED, u1=UNCLEAR, w1=UNCONFIRMED)
    cli.bury_called("c1")
    return [*ids, "c1"]


def test_an_empty_dead_letter_queue_is_told(cli: Cli) -> None:
    """An empty dead-letter queue is told as such."""
    assert cli.lines("dlq", "list") == ["no dead letters match"]
    assert cli.json("dlq", "list") == {
        "total": 0,
        "called": 0,
        "summary": [],
        "letters": [],
        "next": None,
    }
    assert cli.lines("dlq", "replay", "--all", "--yes") == ["no dead letters match"]


@pytest.mark.usefixtures("dead_letters")
def test_dead_letters_are_counted_and_listed(cli: Cli) -> None:
    """First the counts by code and reason, then the dead letters, the oldest first, with masked numbers."""
    lines = cli.lines("dlq", "list")
    assert lines[:3] == ["count code reason", "2 400 refused", "1 603 account"]
    assert lines[6:9] == [
        "id dead since mobile template code reason message",
        f"a1 2025-06-01 12:00:01 139****0000 453662 603 account {NO_BALANCE.message}",
        f"r1 2025-06-01 12:00:02 139****0001 453662 400 refused {REFUSED.message}",
    ]
    assert other_number(1) in cli.run("dlq", "list", "--reveal").stdout


@pytest.mark.usefixtures("dead_letters")
def test_limit_limits_what_is_listed_not_what_is_counted(cli: Cli) -> None:
    """`--limit` limits what is listed, not what is counted."""
    document = cli.json("dlq", "list", "--limit", "2")
    assert (document["total"], len(document["letters"])) == (5, 2)
    assert document["summary"][0] == {"code": "400", "reason": "refused", "count": 2}
    assert cli.lines("dlq", "list", "--limit", "2")[-1] == f"… and more: --after {document['next']} goes on"
    assert cli.json("dlq", "list", "--limit", "0")["total"] == 5


def test_a_list_goes_on_where_another_ended(cli: Cli, dead_letters: list[str]) -> None:
    """Also where the last one shown has left; all are counted on each page."""
    first = cli.json("dlq", "list", "--limit", "2")
    cli.account.dead_letters.purge(dead_letters[1:2])
    second = cli.json("dlq", "list", "--limit", "2", "--after", first["next"])
    last = cli.json("dlq", "list", "--limit", "2", "--after", second["next"])
    pages = [[each["id"] for each in page["letters"]] for page in (first, second, last)]
    assert pages == [dead_letters[:2], dead_letters[2:4], dead_letters[4:]]
    assert (second["total"], last["total"], last["next"]) == (4, 4, None)
    refused = cli.run("dlq", "list", "--after", "nowhere")
    assert (refused.exit_code, "'nowhere' is no place in this list" in refused.stderr) == (2, True)


@pytest.mark.usefixtures("dead_letters")
@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (("--code", "400"), ["r1", "r2"]),
        (("--reason", "unconfirmed"), ["w1"]),
        (("--number", other_number(3)), ["u1"]),
        (("--template", "453662"), ["a1", "r1", "r2", "u1", "w1"]),
        (("--template", "453715"), []),
        (("--code", "400", "--number", other_number(2)), ["r2"]),
    ],
)
def test_filters_narrow_the_list(cli: Cli, arguments: Sequence[str], found: list[str]) -> None:
    """Each filter narrows what is listed."""
    assert cli.dead_letters(*arguments) == found


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ((), ["old", "new"]),
        (("--older-than", "30m"), ["old"]),
        (("--newer-than", "2h"), ["old", "new"]),
        (("--newer-than", "30m"), ["new"]),
        (("--older-than", "30m", "--newer-than", "2h"), ["old"]),
        (("--older-than", "1d"), []),
    ],
)
def test_age_counts_from_death(cli: Cli, arguments: Sequence[str], found: list[str]) -> None:
    """The age of a dead letter counts from its death."""
    now = round(time.time() * 1000)
    cli.account.clock.set(now - HOUR)
    cli.bury(old=REFUSED)
    cli.account.clock.set(now)
    cli.bury(new=REFUSED)
    assert cli.dead_letters(*arguments) == found


@pytest.mark.usefixtures("dead_letters")
def test_show_has_answer_history_and_advice(cli: Cli) -> None:
    """One dead letter is shown with its answer, its history and what can be done."""
    lines = cli.lines("dlq", "show", "w1")
    assert lines[0] == "w1 dead (unconfirmed)"
    assert f"answer read-timeout: {UNCONFIRMED.message}" in lines
    assert lines[-1].startswith("Nobody knows whether the phone rang")
    document = cli.json("dlq", "show", "w1")
    assert (document["state"], document["history"][-1]["state"]) == ("dead", "dead")
    assert document["advice"] == lines[-1]


def test_show_refuses_what_is_no_dead_letter(cli: Cli) -> None:
    """What is no dead letter is not shown as one."""
    cli.account.submit(id="n1")
    result = cli.run("dlq", "show", "n1")
    assert (result.exit_code, result.stderr) == (1, "Error: n1 is not in the dead letters: it is waiting\n")


@pytest.mark.usefixtures("one_that_rang")
def test_show_says_that_the_phone_rang(cli: Cli) -> None:
    """One dead letter is shown with what its call id means."""
    assert "the phone rang" in cli.json("dlq", "show", "c1")["advice"]


@pytest.mark.usefixtures("one_that_rang")
def test_list_says_how_many_rang(cli: Cli) -> None:
    """The list says how many a replay would leave out, and says nothing where there are none."""
    said = "1 of these rang after all (a success was reported late): a replay leaves them out."
    assert said in cli.lines("dlq", "list")
    assert cli.json("dlq", "list")["called"] == 1
    assert "rang after all" not in cli.run("dlq", "list", "--code", "400").stdout
