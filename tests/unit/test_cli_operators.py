"""`voice-notify status|explain|cancel|dlq|account`: what operators see and do."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.support.account import (
    ACCEPTED,
    MAINTENANCE,
    MOBILE,
    NO_BALANCE,
    REFUSED,
    UNCLEAR,
    UNCONFIRMED,
    other_number,
)
from tests.support.cli import Cli, command_line
from tests.support.clock import DAY, HOUR, MINUTE, NOON, SECOND
from voice_notify.domain.states import State

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from voice_notify.domain.outcome import Outcome

MASKED = "138****8000"


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cli]:
    with command_line(monkeypatch) as cli:
        yield cli


def bury(cli: Cli, id_: str, outcome: Outcome = REFUSED, mobile: str = MOBILE) -> None:
    """Make a dead letter."""
    cli.account.submit(mobile, id=id_, on_unconfirmed="dead_letter")
    cli.account.call(id_, outcome)


# One notification.


def test_status_of_an_accepted_one(cli: Cli) -> None:
    """The status shows the state, the words, the provider's answer and its ids; the number masked."""
    cli.account.submit(id="n1")
    cli.account.call("n1", ACCEPTED)
    assert cli.lines("status", "n1") == [
        "n1 accepted (placed)",
        f"mobile {MASKED}",
        "template 453662",
        "variables 张三 | 3号楼",
        "priority 0",
        "submitted 2025-06-01 12:00:00",
        "deadline 2025-06-08 12:00:00",
        "ended 2025-06-01 12:00:01",
        "attempts 1",
        "answer 200: 成功",
        "call id 1212",
        "task no. 6956",
    ]


def test_status_as_json(cli: Cli) -> None:
    """The status for programs has every field, times with their zone, and when the next step is due."""
    cli.account.submit(id="n1", countdown=60, priority=3)
    assert cli.json("status", "n1") == {
        "id": "n1",
        "mobile": MASKED,
        "template_id": "453662",
        "params": ["张三", "3号楼"],
        "priority": 3,
        "state": "waiting",
        "reason": "not_before",
        "created_at": "2025-06-01T12:00:00.000+08:00",
        "deadline": "2025-06-08T12:00:00.000+08:00",
        "ended_at": None,
        "attempts": 0,
        "unconfirmed": 0,
        "code": "",
        "message": "",
        "call_id": "",
        "task_no": "",
        "due_at": "2025-06-01T12:01:00.000+08:00",
    }


@pytest.mark.parametrize("command", ["status", "explain", "dlq show"])
def test_numbers_are_masked(cli: Cli, command: str) -> None:
    """Numbers are masked, those among the words too, unless they are asked for."""
    cli.account.submit(id="n1", params=("张三", f"回电{other_number(7)}"))
    cli.account.call("n1", REFUSED)
    for arguments in ((), ("--json",)):
        masked = cli.run(*command.split(), "n1", *arguments).stdout
        assert MASKED in masked
        assert "回电139****0007" in masked
        revealed = cli.run(*command.split(), "n1", "--reveal", *arguments).stdout
        assert MOBILE in revealed
        assert f"回电{other_number(7)}" in revealed


@pytest.mark.parametrize(
    "arguments", [("status", "n1"), ("explain", "n1"), ("dlq", "show", "n1"), ("cancel", "n1", "--yes")]
)
def test_an_unknown_id(cli: Cli, arguments: Sequence[str]) -> None:
    """An unknown id is an error that names it."""
    result = cli.run(*arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: ")
    assert "n1" in result.stderr


def test_explain_one_that_is_blocked(cli: Cli) -> None:
    """An explanation tells what blocks a notification, how many are ahead, the next step, and its history."""
    cli.account.submit(id="first")
    cli.account.call("first", ACCEPTED, takes=0)
    cli.account.submit(id="second")
    cli.account.submit(id="n1")
    cli.account.clock.advance(SECOND)
    lines = cli.lines("explain", "n1")
    assert lines[:3] == [
        "n1 waiting (gap), next step at 2025-06-01 12:01:01 (in 1 min)",
        "blocked by the pause between two calls to one number",
        "ahead 1 on the same number",
    ]
    assert lines[-2:] == ["time state reason detail", "2025-06-01 12:00:00 waiting submitted"]


def test_explain_one_that_was_tried(cli: Cli) -> None:
    """The history has each transition with its time and the provider's words."""
    cli.account.submit(id="n1")
    cli.account.call("n1", MAINTENANCE)
    lines = cli.lines("explain", "n1")
    assert lines[0].startswith("n1 waiting (backoff), next step at 2025-06-01 12:00:0")
    assert lines[1] == "blocked by the last attempt was refused for now"
    assert lines[-3:] == [
        "2025-06-01 12:00:00 waiting submitted",
        "2025-06-01 12:00:00 calling attempt 1",
        f"2025-06-01 12:00:01 waiting backoff 500 {MAINTENANCE.message}",
    ]


def test_explain_one_in_flight(cli: Cli) -> None:
    """Of a call that is on the wire the end of its lease is told."""
    cli.account.granted(cli.account.submit(id="n1"))
    assert cli.lines("explain", "n1")[0].startswith("n1 calling (attempt), its lease runs out at 2025-06-01 12:00:18")


def test_explain_while_the_account_is_paused(cli: Cli) -> None:
    """An explanation tells of the account's pause, and that a pause by hand has no end."""
    cli.account.submit(id="n1")
    cli.account.ledger.pause("wrong words")
    lines = cli.lines("explain", "n1")
    assert lines[:3] == [
        "n1 waiting (paused), waits for a person to resume the account; its deadline is 2025-06-08 12:00:00 (in 7 d)",
        "blocked by the account is paused",
        "account paused (manual wrong words) since 2025-06-01 12:00:00, until a person resumes it",
    ]
    document = cli.json("explain", "n1")
    assert (document["reason"], document["due_at"], document["account_pause"]["until"]) == ("paused", None, None)


def test_explain_one_that_will_expire(cli: Cli) -> None:
    """Where the deadline comes before the call, that is the next step."""
    cli.account.submit(id="first")
    cli.account.submit(id="n1", expires=10)
    assert cli.lines("explain", "n1")[0] == (
        "n1 waiting (gap), its deadline comes first, at 2025-06-01 12:00:10 (in 10 s)"
    )


def test_explain_as_json(cli: Cli) -> None:
    """The explanation for programs has the line ahead and the history."""
    cli.account.submit(id="first")
    cli.account.submit(id="n1")
    document = cli.json("explain", "n1")
    assert (document["ahead"], document["reason"], document["account_pause"]) == (1, "gap", None)
    assert document["history"] == [
        {"at": "2025-06-01T12:00:00.000+08:00", "state": "waiting", "reason": "submitted", "detail": ""}
    ]


@pytest.mark.parametrize(
    ("state", "shown", "code"),
    [
        (State.WAITING, "n1: cancelled", 0),
        (State.CALLING, "n1: its call is on the wire and cannot be called back; nothing follows it", 0),
        (State.ACCEPTED, "n1: stays accepted", 1),
        (State.DEAD, "n1: stays dead", 1),
        (State.CANCELLED, "n1: stays cancelled", 0),
    ],
)
def test_cancel(cli: Cli, state: State, shown: str, code: int) -> None:
    """What became of a cancellation is told; one that comes too late is a failure."""
    cli.account.submit(id="n1")
    if state is State.CANCELLED:
        cli.account.ledger.cancel("n1")
    elif state is State.CALLING:
        cli.account.granted("n1")
    elif state is not State.WAITING:
        cli.account.call("n1", ACCEPTED if state is State.ACCEPTED else REFUSED)
    assert cli.account.state("n1") is state
    dry = cli.run("cancel", "n1", "--dry-run")
    assert (dry.exit_code, dry.stdout) == (code, f"n1: is {state}, nothing was done\n")
    assert cli.account.state("n1") is state
    result = cli.run("cancel", "n1", "--yes")
    assert (result.exit_code, result.stdout) == (code, f"{shown}\n")


def test_cancel_several(cli: Cli) -> None:
    """An unknown id fails the command, but the others are cancelled."""
    cli.account.submit(id="n1")
    cli.account.submit(id="n3")
    result = cli.run("cancel", "n1", "n2", "n3", stdin="y\n")
    assert result.exit_code == 1
    assert "Cancel 3 notifications?" in result.stderr
    assert "Error: n2: there is no such notification" in result.stderr
    assert result.stdout == "n1: cancelled\nn3: cancelled\n"


@pytest.mark.parametrize("answer", ["n\n", ""])
def test_cancel_asks(cli: Cli, answer: str) -> None:
    """Without a yes nothing is cancelled."""
    cli.account.submit(id="n1")
    assert cli.run("cancel", "n1", stdin=answer).exit_code == 1
    assert cli.account.state("n1") is State.WAITING


# The dead letters.


@pytest.fixture
def letters(cli: Cli) -> list[str]:
    """Dead letters of several kinds: by id, the outcome that killed each."""
    for number, (id_, outcome) in enumerate(
        {"a1": NO_BALANCE, "r1": REFUSED, "r2": REFUSED, "u1": UNCLEAR, "w1": UNCONFIRMED}.items()
    ):
        bury(cli, id_, outcome, other_number(number))
        cli.account.ledger.resume()
    return ["a1", "r1", "r2", "u1", "w1"]


def in_dlq(cli: Cli) -> list[str]:
    """The ids of all dead letters."""
    return [letter["id"] for letter in cli.json("dlq", "list")["letters"]]


def test_no_dead_letters(cli: Cli) -> None:
    """An empty dead-letter queue is told as such."""
    assert cli.lines("dlq", "list") == ["no dead letters match"]
    assert cli.json("dlq", "list") == {"total": 0, "called": 0, "summary": [], "letters": []}
    assert cli.lines("dlq", "replay", "--all", "--yes") == ["no dead letters match"]


@pytest.mark.usefixtures("letters")
def test_dlq_list(cli: Cli) -> None:
    """First the counts by code and reason, then the letters, oldest first, with masked numbers."""
    lines = cli.lines("dlq", "list")
    assert lines[:3] == ["count code reason", "2 400 refused", "1 603 account"]
    assert lines[6:9] == [
        "id dead since mobile template code reason message",
        f"a1 2025-06-01 12:00:01 139****0000 453662 603 account {NO_BALANCE.message}",
        f"r1 2025-06-01 12:00:02 139****0001 453662 400 refused {REFUSED.message}",
    ]
    assert other_number(1) in cli.run("dlq", "list", "--reveal").stdout


@pytest.mark.usefixtures("letters")
def test_dlq_list_a_few(cli: Cli) -> None:
    """`--limit` limits what is listed, not what is counted."""
    assert cli.lines("dlq", "list", "--limit", "2")[-1] == "… and 3 more: --limit shows more"
    document = cli.json("dlq", "list", "--limit", "2")
    assert (document["total"], len(document["letters"])) == (5, 2)
    assert document["summary"][0] == {"code": "400", "reason": "refused", "count": 2}


@pytest.mark.usefixtures("letters")
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
def test_dlq_filters(cli: Cli, arguments: Sequence[str], found: list[str]) -> None:
    """Each filter narrows what is listed."""
    assert [letter["id"] for letter in cli.json("dlq", "list", *arguments)["letters"]] == found


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
def test_dlq_filters_by_age(cli: Cli, arguments: Sequence[str], found: list[str]) -> None:
    """The age of a dead letter counts from its death."""
    now = round(time.time() * 1000)
    cli.account.clock.set(now - HOUR)
    bury(cli, "old")
    cli.account.clock.set(now)
    bury(cli, "new")
    assert [letter["id"] for letter in cli.json("dlq", "list", *arguments)["letters"]] == found


@pytest.mark.usefixtures("letters")
def test_dlq_show(cli: Cli) -> None:
    """One dead letter is shown with its answer, its history and what can be done."""
    lines = cli.lines("dlq", "show", "w1")
    assert lines[0] == "w1 dead (unconfirmed)"
    assert f"answer read-timeout: {UNCONFIRMED.message}" in lines
    assert lines[-1].startswith("Nobody knows whether the phone rang")
    document = cli.json("dlq", "show", "w1")
    assert (document["state"], document["history"][-1]["state"]) == ("dead", "dead")
    assert document["advice"] == lines[-1]


def test_dlq_show_of_another(cli: Cli) -> None:
    """What is no dead letter is not shown as one."""
    cli.account.submit(id="n1")
    result = cli.run("dlq", "show", "n1")
    assert (result.exit_code, result.stderr) == (1, "Error: n1 is not in the dead letters: it is waiting\n")


@pytest.mark.usefixtures("letters")
@pytest.mark.parametrize("command", ["replay", "purge"])
@pytest.mark.parametrize(
    ("arguments", "left"),
    [
        (("r1",), ["a1", "r2", "u1", "w1"]),
        (("r1", "r1", "w1"), ["a1", "r2", "u1"]),
        (("--code", "400"), ["a1", "u1", "w1"]),
        (("--older-than", "30d"), []),
        (("--newer-than", "30d"), ["a1", "r1", "r2", "u1", "w1"]),
        (("--all",), []),
        (("--all", "--limit", "2"), ["r2", "u1", "w1"]),
        (("--all", "--code", "400", "--limit", "1"), ["a1", "r2", "u1", "w1"]),
    ],
)
def test_dlq_replay_and_purge(cli: Cli, command: str, arguments: Sequence[str], left: list[str]) -> None:
    """The chosen letters leave, the oldest first, and no others; a dry run leaves all."""
    assert cli.run("dlq", command, *arguments, "--dry-run").exit_code == 0
    assert len(in_dlq(cli)) == 5
    lines = cli.lines("dlq", command, *arguments, "--yes")
    assert in_dlq(cli) == left
    assert lines[-1] == (f"{command}: {5 - len(left)} done" if len(left) < 5 else "no dead letters match")
    assert cli.account.ledger.counts()[State.WAITING] == (5 - len(left) if command == "replay" else 0)


@pytest.mark.usefixtures("letters")
@pytest.mark.parametrize("command", ["replay", "purge"])
@pytest.mark.parametrize(
    "arguments", [(), ("r1", "--all"), ("r1", "--code", "400"), ("r1", "--limit", "1"), ("--limit", "3")]
)
def test_dlq_asks_which(cli: Cli, command: str, arguments: Sequence[str]) -> None:
    """Without ids, a filter or `--all`, and with more than one of them, it is wrong use, and nothing is done."""
    assert cli.run("dlq", command, *arguments, "--yes").exit_code == 2
    assert len(in_dlq(cli)) == 5


@pytest.mark.usefixtures("letters")
@pytest.mark.parametrize("command", ["replay", "purge"])
@pytest.mark.parametrize(("answer", "left", "code"), [("y\n", 3, 0), ("n\n", 5, 1), ("", 5, 1)])
def test_dlq_asks(cli: Cli, command: str, answer: str, left: int, code: int) -> None:
    """Only a yes is taken for a yes; the question says how many, after the counts."""
    result = cli.run("dlq", command, "--code", "400", stdin=answer)
    assert (result.exit_code, len(in_dlq(cli))) == (code, left)
    assert f"{command.capitalize()} 2 dead letters?" in result.stderr
    assert "2  400   refused" in result.stdout


@pytest.mark.usefixtures("letters")
@pytest.mark.parametrize("command", ["replay", "purge"])
def test_dlq_unknown_ids(cli: Cli, command: str) -> None:
    """Ids that are no dead letters are told and fail the command; the others are done."""
    cli.account.submit(id="n1")
    result = cli.run("dlq", command, "r1", "n1", "x", "--yes")
    assert result.exit_code == 1
    assert result.stderr == "Error: n1 is not in the dead letters\nError: x is not in the dead letters\n"
    assert in_dlq(cli) == ["a1", "r2", "u1", "w1"]


@pytest.mark.parametrize(("arguments", "deadline"), [((), NOON + DAY), (("--expires", "90m"), NOON + 90 * MINUTE)])
def test_the_deadline_after_a_replay(cli: Cli, arguments: Sequence[str], deadline: int) -> None:
    """A replayed letter's deadline is `default_expires` from now, or as asked."""
    bury(cli, "n1")
    cli.account.clock.set(NOON)
    cli.run("dlq", "replay", "n1", "--yes", *arguments)
    assert cli.account.explain("n1").record.deadline_ms == deadline


def test_no_deadline_in_the_past(cli: Cli) -> None:
    """A replay that would expire at once is wrong use."""
    bury(cli, "n1")
    assert cli.run("dlq", "replay", "n1", "--yes", "--expires", "0").exit_code == 2
    assert in_dlq(cli) == ["n1"]


# The account.


def test_pause_and_resume(cli: Cli) -> None:
    """An account is paused by hand with a reason, and resumed; repeating that changes nothing."""
    assert cli.lines("account", "pause", "--why", "wrong words")[0].startswith("paused")
    assert cli.lines("account", "pause", "--why", "again") == ["was paused by hand already"]
    assert cli.json("account", "show")["pause"] == {
        "reason": "manual",
        "message": "wrong words",
        "since": "2025-06-01T12:00:00.000+08:00",
        "until": None,
    }
    assert cli.lines("account", "resume") == ["resumed: calls go out"]
    assert cli.lines("account", "resume") == ["was open already"]
    assert cli.account.ledger.account() is None


def test_a_pause_needs_a_reason(cli: Cli) -> None:
    """A pause without a reason is wrong use."""
    assert cli.run("account", "pause").exit_code == 2
    assert cli.account.ledger.account() is None
