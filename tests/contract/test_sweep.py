"""The sweep: what has to happen at its time, whether or not anybody calls."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.account import GAP, LAPSED, LEASE, MAINTENANCE, NO_BALANCE, Account, other_number
from tests.support.clock import MINUTE, SECOND
from voice_notify.domain.states import State
from voice_notify.ledger import keys
from voice_notify.ledger.account_status import read_account_status
from voice_notify.ledger.ledger import Wakeup

#: How long a worker has to settle a lapsed call that it was handed.
HANDED_OVER = 5 * SECOND


def test_workers_are_named_while_they_are_heard_of(account: Account) -> None:
    """Each sweep is heard of for a while."""
    account.sweep(worker="w2@host")
    account.clock.advance(14 * SECOND)
    account.sweep(worker="w1@host")
    assert heard_of(account) == ["w1@host", "w2@host"]
    account.clock.advance(SECOND)
    account.sweep(worker="w1@host")
    assert heard_of(account) == ["w1@host"]


def heard_of(account: Account) -> list[str]:
    """The workers that are alive, by the clock of the scripts."""
    until: Any = account.client.zrange(account.prefix + keys.HEARTBEATS, 0, -1, withscores=True)
    return sorted(worker for worker, end in until if end > account.clock.now)


def test_a_worker_that_is_heard_of_writes_seldom(account: Account) -> None:
    """Half of its time to live passes before it says so again."""
    account.sweep()
    until = account.clock.now + 15 * SECOND
    for seconds, said in ((0, until), (7, until), (1, until + 8 * SECOND)):
        account.clock.advance(seconds * SECOND)
        account.sweep()
        assert account.client.zscore(account.prefix + keys.HEARTBEATS, "w1") == said


def test_a_lapsed_call_is_handed_over_with_what_decides_it(account: Account) -> None:
    """Not before its lease has run out."""
    id_ = account.submit(on_unconfirmed="dead_letter")
    grant = account.granted(id_)
    account.clock.advance(LEASE - 1)
    assert account.sweep().lapsed == ()
    account.clock.advance(1)
    (lapsed,) = account.sweep().lapsed
    assert (lapsed.id, lapsed.token, lapsed.now_ms) == (id_, grant.token, account.clock.now)
    assert lapsed.attempt == grant.attempt
    assert account.settle(lapsed, LAPSED) == State.DEAD


def test_one_worker_settles_a_lapsed_call(account: Account) -> None:
    """A lapsed call is handed over once; again only when the worker that has it had time enough to settle it."""
    account.granted(account.submit())
    account.clock.advance(LEASE)
    assert len(account.sweep(worker="w1").lapsed) == 1
    account.clock.advance(HANDED_OVER - 1)
    assert account.sweep(worker="w2").lapsed == ()
    account.clock.advance(1)
    (lapsed,) = account.sweep(worker="w2").lapsed
    account.settle(lapsed, LAPSED)
    account.clock.advance(HANDED_OVER)
    assert account.sweep(worker="w1").lapsed == ()


def test_a_lapsed_call_keeps_its_line(account: Account) -> None:
    """Until a lapsed call is settled, nothing else in its line is begun, whether or not it was handed over."""
    account.granted(account.submit())
    waiting = account.submit(priority=9)
    account.clock.advance(LEASE + GAP)
    assert account.begin_next() == []
    (lapsed,) = account.sweep().lapsed
    for _ in range(3):
        assert account.begin_next() == []
        account.clock.advance(HANDED_OVER)
    account.settle(lapsed, MAINTENANCE)
    assert account.begin_next() == [waiting]


def test_a_lapsed_call_keeps_nobody_awake(account: Account) -> None:
    """Where no sweep has found it yet, processes look again after a second, not at once."""
    account.granted(account.submit())
    account.clock.advance(LEASE)
    granted = account.grant()
    assert (granted.grants, granted.damaged, granted.idle_ms) == ((), (), SECOND)


def test_a_lapsed_call_is_not_due(account: Account) -> None:
    """Whoever it was handed over to settles it: it is nothing that a process should begin."""
    account.granted(account.submit())
    account.clock.advance(LEASE)
    account.sweep()
    assert read_account_status(account.ledger.scripts).due == 0


def test_a_pause_does_not_keep_lapsed_calls_from_being_settled(account: Account) -> None:
    """A pause keeps calls from beginning, not from being settled."""
    account.granted(account.submit())
    account.ledger.pause("maintenance")
    account.clock.advance(LEASE)
    assert len(account.sweep().lapsed) == 1


@pytest.mark.parametrize(("calls", "sweeps"), [(5, [2, 2, 1]), (4, [2, 2, 0])])
def test_a_sweep_takes_so_many_lapsed_calls_and_says_whether_to_sweep_again(
    account: Account, calls: int, sweeps: list[int]
) -> None:
    """The oldest first: each is handed over once."""
    ids = []
    for number in range(calls):
        ids.append(account.submit(other_number(number)))
        account.granted(ids[-1])
        account.clock.advance(1)
    account.clock.advance(LEASE)
    found = [account.sweep(most=2) for _ in sweeps]
    assert [len(sweep.lapsed) for sweep in found] == sweeps
    assert [sweep.more for sweep in found] == [True, True, False]
    assert [lapsed.id for sweep in found for lapsed in sweep.lapsed] == ids


def test_a_sweep_takes_so_many_expired_ones_and_says_whether_to_sweep_again(account: Account) -> None:
    """Those of the earliest deadlines first."""
    ids = [account.submit(other_number(number), expires=number + 1) for number in range(5)]
    account.clock.advance(MINUTE)
    found = [account.sweep(most=2) for _ in range(3)]
    assert [list(sweep.expired) for sweep in found] == [ids[:2], ids[2:4], ids[4:]]
    assert [sweep.more for sweep in found] == [True, True, False]


def test_nothing_is_swept_where_nothing_is_due(account: Account) -> None:
    """What waits, and what is in flight, is left alone."""
    account.granted(account.submit(other_number(1), expires=60))
    account.submit(other_number(2), expires=60)
    account.clock.advance(LEASE - 1)
    sweep = account.sweep()
    assert (sweep.lapsed, sweep.expired, sweep.more) == ((), (), False)


# Wake-ups, for what nobody was woken for.


@pytest.mark.parametrize(("seconds", "woken"), [(0, True), (1, True), (1.001, False)])
def test_a_sweep_wakes_for_what_is_due_before_the_next(account: Account, seconds: float, woken: bool) -> None:  # noqa: FBT001
    """Whoever should have been woken for it, and was lost; what is due later is the next sweep's."""
    account.submit(countdown=10)
    account.woken()
    account.clock.advance(10 * SECOND - round(seconds * SECOND))
    account.sweep()
    assert account.woken() == [Wakeup.ORDINARY] * woken


def test_a_sweep_wakes_for_urgent_and_ordinary_ones_each(account: Account) -> None:
    """A backlog of ordinary ones, due for longer, does not hide an urgent one from those who wait only for such."""
    account.submit(other_number(1))
    account.submit(other_number(2), priority=9, countdown=10)
    account.woken()
    account.clock.advance(10 * SECOND)
    account.sweep()
    assert account.woken() == [Wakeup.URGENT, Wakeup.ORDINARY]


def test_a_sweep_wakes_for_what_becomes_urgent_in_a_line(account: Account) -> None:
    """Its number waits as an ordinary one until then."""
    account.submit()
    account.submit(priority=9, countdown=10)
    account.woken()
    account.clock.advance(9 * SECOND)
    account.sweep()
    assert account.woken() == [Wakeup.URGENT, Wakeup.ORDINARY]


def test_a_sweep_wakes_nobody_while_the_account_is_paused(account: Account) -> None:
    """But before a pause ends by itself."""
    account.submit()
    account.ledger.pause("maintenance")
    account.woken()
    account.sweep()
    assert account.woken() == []
    until = account.clock.now + MINUTE
    account.client.hset(account.prefix + keys.ACCOUNT, mapping={"reason": "603", "until": until})
    account.clock.set(until - 1001)
    account.sweep()
    assert account.woken() == []
    account.clock.advance(1)
    account.sweep()
    assert account.woken() == [Wakeup.ORDINARY]


def test_a_sweep_tells_of_a_pause(account: Account) -> None:
    """For the worker's log."""
    assert account.sweep().pause is None
    account.call(account.submit(), NO_BALANCE)
    assert account.sweep().pause == account.ledger.account()


def test_a_sweep_wakes_for_the_next_in_line_of_an_expired_one(account: Account) -> None:
    """It is due at once."""
    account.submit(priority=9, expires=10)
    account.submit()
    account.clock.advance(10 * SECOND)
    account.woken()
    account.sweep()
    assert account.woken() == [Wakeup.ORDINARY]
