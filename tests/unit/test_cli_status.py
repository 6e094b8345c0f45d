"""`voice-notify status|explain|cancel`: one notification, by its id."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.support.account import ACCEPTED, MAINTENANCE, MOBILE, REFUSED, other_number
from tests.support.cli import Cli
from tests.support.clock import SECOND
from voice_notify.cli.rendering.explanation import BLOCKS
from voice_notify.domain.reasons import Reason
from voice_notify.domain.states import State

MASKED = "138****8000"


def test_status_shows_the_answer_and_masks_the_number(cli: Cli) -> None:
    """The status shows the state, the variables, the provider's answer and its ids; the number masked."""
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


def test_status_as_json_has_every_field(cli: Cli) -> None:
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
    """Numbers are masked, those in variables too, unless they are asked for."""
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
def test_an_unknown_id_is_named(cli: Cli, arguments: Sequence[str]) -> None:
    """An unknown id is an error that names it."""
    result = cli.run(*arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: ")
    assert "n1" in result.stderr


def test_explain_says_what_blocks_a_notification(cli: Cli) -> None:
    """An explanation tells what blocks a notification, how many are ahead, the next step, and its history."""
    cli.account.submit(id="first")
    cli.account.call("first", ACCEPTED, takes=0)
    cli.account.submit(id="second")
    cli.account.submit(id="n1")
    cli.account.clock.advance(SECOND)
    lines = cli.lines("explain", "n1")
    assert lines[:4] == [
        "n1 waiting (gap), next step at 2025-06-01 12:01:01 (in 1 min)",
        "blocked by the least time between two calls to one number",
        "ahead 1 on the same number",
        "expected a call at 2025-06-01 12:01:01",
    ]
    assert lines[-2:] == ["time state reason detail", "2025-06-01 12:00:00 waiting submitted"]


def test_each_reason_for_waiting_has_a_sentence() -> None:
    """Whatever blocks a notification or a number, people are told what it is."""
    assert BLOCKS.keys() == set(Reason)


def test_explain_shows_each_transition(cli: Cli) -> None:
    """The history has each transition with its time and the provider's message."""
    cli.account.submit(id="n1")
    cli.account.call("n1", MAINTENANCE)
    lines = cli.lines("explain", "n1")
    assert lines[0].startswith("n1 waiting (backoff), next step at 2025-06-01 12:00:0")
    assert lines[1] == "blocked by the last attempt was refused temporarily"
    assert lines[-3:] == [
        "2025-06-01 12:00:00 waiting submitted",
        "2025-06-01 12:00:00 calling attempt 1",
        f"2025-06-01 12:00:01 waiting backoff 500 {MAINTENANCE.message}",
    ]


def test_explain_tells_of_the_others_that_are_due(cli: Cli) -> None:
    """Of one that only others keep waiting: how many, how many calls are in flight, and when it is called."""
    cli.account.granted(cli.account.submit(other_number(0)))
    for number in range(1, 1201):
        cli.account.submit(other_number(number))
    cli.account.clock.advance(1)
    cli.account.submit(id="n1")
    cli.account.configure(call_interval_ms=100)
    lines = cli.lines("explain", "n1")
    assert lines[1:4] == [
        "blocked by the account's calls per second (max_calls_per_second)",
        "ahead 0 on the same number, 1,200 of other numbers; 1 calls in flight",
        "expected a call at 2025-06-01 12:02:00",
    ]
    document = cli.json("explain", "n1")
    assert (document["reason"], document["due_before"], document["calling"]) == ("rate", 1200, 1)


@pytest.mark.parametrize("paused", [True, False])
def test_all_commands_give_one_reason(cli: Cli, *, paused: bool) -> None:
    """`list`, `explain`, `number`, `status` and `send`, and `stats` where the account is paused."""
    cli.account.submit(other_number(0))
    cli.account.clock.advance(1)
    cli.account.submit(id="n1")
    if paused:
        cli.account.ledger.pause("wrong text")
        assert cli.json("stats")["now"]["waiting_by_reason"] == {"paused": 2}
    listed = {each["id"]: each["reason"] for each in cli.json("list")["lists"][1]["notifications"]}
    of_number = cli.json("number", MOBILE)
    assert of_number["line"][0]["reason"] == of_number["blocked_by"]
    reasons = {
        listed["n1"],
        of_number["blocked_by"],
        *(cli.json(each, "n1")["reason"] for each in ("explain", "status")),
    }
    assert reasons == {"paused" if paused else "backlog"}


def test_explain_says_when_a_lease_runs_out(cli: Cli) -> None:
    """Of a call that is on the wire the end of its lease is told."""
    cli.account.granted(cli.account.submit(id="n1"))
    assert cli.lines("explain", "n1")[0].startswith("n1 calling (attempt), its lease runs out at 2025-06-01 12:00:18")


def test_explain_names_the_accounts_pause(cli: Cli) -> None:
    """An explanation tells of the account's pause, and that a pause by hand has no end."""
    cli.account.submit(id="n1")
    cli.account.ledger.pause("wrong text")
    lines = cli.lines("explain", "n1")
    assert lines[:3] == [
        "n1 waiting (paused), waits for a person to resume the account; its deadline is 2025-06-08 12:00:00 (in 7 d)",
        "blocked by the account is paused",
        "account paused (manual wrong text) since 2025-06-01 12:00:00, until a person resumes it",
    ]
    document = cli.json("explain", "n1")
    assert (document["reason"], document["due_at"], document["account_pause"]["until"]) == ("paused", None, None)


def test_explain_says_that_the_deadline_comes_first(cli: Cli) -> None:
    """Where the deadline comes before the call, that is the next step."""
    cli.account.submit(id="first")
    cli.account.submit(id="n1", expires=10)
    assert cli.lines("explain", "n1")[0] == (
        "n1 waiting (gap), its deadline comes first, at 2025-06-01 12:00:10 (in 10 s)"
    )


def test_explain_as_json_has_the_line_and_the_history(cli: Cli) -> None:
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
def test_cancel_says_what_became_of_it(cli: Cli, state: State, shown: str, code: int) -> None:
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


def test_cancel_goes_on_after_an_unknown_id(cli: Cli) -> None:
    """An unknown id fails the command, but the others are cancelled."""
    cli.account.submit(id="n1")
    cli.account.submit(id="n3")
    result = cli.run("cancel", "n1", "n2", "n3", stdin="y\n")
    assert result.exit_code == 1
    assert "Cancel 3 notifications?" in result.stderr
    assert "Error: n2: there is no such notification" in result.stderr
    assert result.stdout == "n1: cancelled\nn3: cancelled\n"


@pytest.mark.parametrize("answer", ["n\n", ""])
def test_cancel_does_nothing_without_a_yes(cli: Cli, answer: str) -> None:
    """Without a yes nothing is cancelled."""
    cli.account.submit(id="n1")
    assert cli.run("cancel", "n1", stdin=answer).exit_code == 1
    assert cli.account.state("n1") is State.WAITING
