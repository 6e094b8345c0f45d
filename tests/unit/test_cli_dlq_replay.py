"""`voice-notify dlq replay|purge`: those chosen and no others, at a measured pace, and never twice by accident."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest

from tests.support.account import ACCEPTED, NO_BALANCE, REFUSED, UNCLEAR, UNCONFIRMED, other_number
from tests.support.cli import Cli, sigint
from tests.support.clock import DAY, MINUTE, NOON
from voice_notify.cli.ctrl_c import Stop
from voice_notify.cli.dlq.paced_chunks import paced_chunks
from voice_notify.domain.states import State
from voice_notify.errors import StoreUnavailable
from voice_notify.ledger.dead_letters import DeadLetters, Replayed


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


@pytest.mark.usefixtures("dead_letters")
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
def test_the_chosen_ones_leave_and_no_others(cli: Cli, command: str, arguments: Sequence[str], left: list[str]) -> None:
    """The chosen ones leave, the oldest first, and no others; a dry run leaves all."""
    assert cli.run("dlq", command, *arguments, "--dry-run").exit_code == 0
    assert len(cli.dead_letters()) == 5
    lines = cli.lines("dlq", command, *arguments, "--yes")
    assert cli.dead_letters() == left
    assert lines[-1] == (f"{command}: {5 - len(left)} done" if len(left) < 5 else "no dead letters match")
    assert cli.account.ledger.counts()[State.WAITING] == (5 - len(left) if command == "replay" else 0)


@pytest.mark.usefixtures("dead_letters")
@pytest.mark.parametrize("command", ["replay", "purge"])
@pytest.mark.parametrize(
    "arguments", [(), ("r1", "--all"), ("r1", "--code", "400"), ("r1", "--limit", "1"), ("--limit", "3")]
)
def test_an_unclear_choice_is_wrong_use(cli: Cli, command: str, arguments: Sequence[str]) -> None:
    """Without ids, a filter or `--all`, and with more than one of them, it is wrong use, and nothing is done."""
    assert cli.run("dlq", command, *arguments, "--yes").exit_code == 2
    assert len(cli.dead_letters()) == 5


@pytest.mark.usefixtures("dead_letters")
@pytest.mark.parametrize("command", ["replay", "purge"])
@pytest.mark.parametrize(("answer", "left", "code"), [("y\n", 3, 0), ("n\n", 5, 1), ("", 5, 1)])
def test_only_a_yes_is_a_yes(cli: Cli, command: str, answer: str, left: int, code: int) -> None:
    """Only a yes is taken for a yes; the question says how many, after the counts."""
    result = cli.run("dlq", command, "--code", "400", stdin=answer)
    assert (result.exit_code, len(cli.dead_letters())) == (code, left)
    assert f"{command.capitalize()} 2 dead letters?" in result.stderr
    assert ["2", "400", "refused"] in [line.split() for line in result.stdout.splitlines()]


@pytest.mark.usefixtures("dead_letters")
@pytest.mark.parametrize("command", ["replay", "purge"])
def test_ids_that_are_no_dead_letters_are_named(cli: Cli, command: str) -> None:
    """Ids that are no dead letters are told and fail the command; the others are done."""
    cli.account.submit(id="n1")
    result = cli.run("dlq", command, "r1", "n1", "x", "--yes")
    assert result.exit_code == 1
    assert result.stderr == "Error: n1 is not in the dead letters\nError: x is not in the dead letters\n"
    assert cli.dead_letters() == ["a1", "r2", "u1", "w1"]


@pytest.mark.parametrize(("arguments", "deadline"), [((), NOON + DAY), (("--expires", "90m"), NOON + 90 * MINUTE)])
def test_a_replay_sets_a_new_deadline(cli: Cli, arguments: Sequence[str], deadline: int) -> None:
    """The deadline after a replay is `default_expires` from now, or as asked."""
    cli.bury(n1=REFUSED)
    cli.account.clock.set(NOON)
    cli.run("dlq", "replay", "n1", "--yes", *arguments)
    assert cli.account.explain("n1").record.deadline_ms == deadline


def test_a_deadline_in_the_past_is_wrong_use(cli: Cli) -> None:
    """A replay that would expire at once is wrong use."""
    cli.bury(n1=REFUSED)
    assert cli.run("dlq", "replay", "n1", "--yes", "--expires", "0").exit_code == 2
    assert cli.dead_letters() == ["n1"]


@pytest.mark.usefixtures("one_that_rang")
def test_those_that_rang_are_not_replayed(cli: Cli) -> None:
    """A replay leaves out those whose phone rang, warns, and counts only what it replays."""
    result = cli.run("dlq", "replay", "--all", "--yes")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == "replay: 4 done"
    assert "Warning: 1 dead letter left out: a success was reported late, their phones rang." in result.stderr
    assert cli.dead_letters() == ["c1"]


@pytest.mark.usefixtures("one_that_rang")
def test_those_that_rang_do_not_use_up_the_limit(cli: Cli) -> None:
    """What is left out does not use up `--limit`."""
    cli.account.submit(other_number(20), id="r9")
    cli.account.call("r9", REFUSED)
    assert cli.run("dlq", "replay", "--all", "--limit", "5", "--yes").exit_code == 0
    assert cli.dead_letters() == ["c1"]


@pytest.mark.usefixtures("one_that_rang")
def test_a_phone_rings_again_only_on_request(cli: Cli) -> None:
    """A person may have a phone ring again, and has to say so; naming the id does not do."""
    result = cli.run("dlq", "replay", "c1", "--yes")
    assert (result.exit_code, "c1" in cli.dead_letters()) == (1, True)
    assert "--include-called" in result.stderr
    result = cli.run("dlq", "replay", "c1", "--include-called", "--yes")
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, "replay: 1 done")
    assert result.stderr == "Warning: 1 rang already, and will ring again.\n"
    assert cli.account.state("c1") is State.WAITING


@pytest.mark.usefixtures("one_that_rang")
def test_a_replay_warns_of_phones_that_may_have_rung(cli: Cli) -> None:
    """A replay says how many there are of which nobody knows whether the phone rang."""
    assert "of 2 nobody knows whether the phone rang" in cli.run("dlq", "replay", "--all", "--dry-run").stderr
    assert "nobody knows" not in cli.run("dlq", "replay", "r1", "--dry-run").stderr


def test_a_success_that_arrives_before_the_replay_prevents_it(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dead letter whose success is reported between the question and its turn is not replayed."""
    account = cli.account
    account.submit(id="n1", on_unconfirmed="dead_letter")
    lost = account.lose_call("n1")
    monkeypatch.setattr("voice_notify.cli.dlq.bulk_action.confirm", lambda *_, **__: account.settle(lost, ACCEPTED))
    assert cli.lines("dlq", "replay", "n1")[-1] == "replay: 0 done, 1 had left already"
    assert cli.dead_letters() == ["n1"]


def test_a_purge_takes_those_that_rang_too(cli: Cli, one_that_rang: list[str]) -> None:
    """A purge needs no more than a yes for those whose phone rang."""
    assert cli.lines("dlq", "purge", *one_that_rang, "--yes")[-1] == "purge: 5 done"


@pytest.mark.usefixtures("one_that_rang")
def test_a_paced_replay_says_how_long_it_takes(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """A paced replay says how long it takes, replays the oldest first, and in the end all."""
    order: list[str] = []
    replay = DeadLetters.replay
    monkeypatch.setattr(Stop, "sleep", lambda *_: None)

    def watch(dead_letters: DeadLetters, ids: Iterable[str], expires: float, **options: bool) -> Replayed:
        order.extend(ids := list(ids))
        return replay(dead_letters, ids, expires, **options)

    monkeypatch.setattr(DeadLetters, "replay", watch)
    lines = cli.lines("dlq", "replay", "--all", "--per-minute", "2", "--yes")
    assert lines[-2:] == ["2 a minute: 2 min for all", "replay: 4 done"]
    assert order == ["a1", "r1", "u1", "w1"]


def press_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    """Press it while the first of the chosen ones is replayed."""
    replay, presses = DeadLetters.replay, iter([True])

    def interrupt(dead_letters: DeadLetters, ids: Iterable[str], expires: float, **options: bool) -> Replayed:
        if next(presses, False):
            signal.raise_signal(signal.SIGINT)
        return replay(dead_letters, ids, expires, **options)

    monkeypatch.setattr(DeadLetters, "replay", interrupt)


@pytest.mark.usefixtures("one_that_rang")
def test_ctrl_c_ends_a_paced_replay_between_two_steps(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C during a paced replay tells what is done; the rest stays in the dead letters."""
    press_ctrl_c(monkeypatch)
    with sigint(signal.default_int_handler):
        result = cli.run("dlq", "replay", "--all", "--per-minute", "1", "--yes")
    assert result.exit_code == 1
    assert result.stdout.splitlines()[-1] == "replay: 1 done"
    assert result.stderr.splitlines()[-1] == "Error: stopped: the other 3 stay in the dead letters"
    assert cli.dead_letters() == ["r1", "u1", "w1", "c1"]


@pytest.mark.usefixtures("one_that_rang")
def test_ctrl_c_leaves_a_replay_in_the_background_alone(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """A script's background job ignores the Ctrl-C that ends the script, as every other program does there."""
    press_ctrl_c(monkeypatch)
    monkeypatch.setattr(Stop, "sleep", lambda *_: None)
    with sigint(signal.SIG_IGN):
        assert cli.lines("dlq", "replay", "--all", "--per-minute", "2", "--yes")[-1] == "replay: 4 done"


@pytest.mark.usefixtures("one_that_rang")
def test_what_was_replayed_before_redis_was_lost_is_told(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Redis is lost, what is done is told, and that the command can be run again."""
    monkeypatch.setattr("voice_notify.cli.dlq.paced_chunks._CHUNK_SIZE", 2)
    replay, calls = DeadLetters.replay, iter([True, False])

    def fail(dead_letters: DeadLetters, ids: Iterable[str], expires: float, **options: bool) -> Replayed:
        if not next(calls):
            raise StoreUnavailable("Redis cannot be used: gone")
        return replay(dead_letters, ids, expires, **options)

    monkeypatch.setattr(DeadLetters, "replay", fail)
    result = cli.run("dlq", "replay", "--all", "--yes")
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (1, "replay: 2 done")
    assert "run it again" in result.stderr


@pytest.mark.usefixtures("one_that_rang")
@pytest.mark.parametrize("rate", ["0", "-1", "x"])
def test_a_rate_that_would_never_end_is_wrong_use(cli: Cli, rate: str) -> None:
    """A rate that would never end is wrong use."""
    assert cli.run("dlq", "replay", "--all", "--yes", "--per-minute", rate).exit_code == 2


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
    for chunk in paced_chunks(map(str, range(count)), timer, per_minute, clock=lambda: timer.now):
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
def test_chunks_are_spread_evenly_over_a_minute(
    count: int, per_minute: float | None, expected: list[tuple[float, int]]
) -> None:
    """So many in a minute, evenly, and no small steps where they are many; without a pace in large chunks at once."""
    assert paced(count, per_minute) == expected


def test_a_standstill_is_not_made_up_for() -> None:
    """What was missed while the process stood still is not made up for."""

    def stand_still(timer: Timer) -> None:
        timer.now += 600 if timer.now == 100 else 0.25

    assert paced(4, 60, stand_still) == [(0, 1), (600, 1), (601, 1), (602, 1)]
