"""Guarantee G6 inside a line: what becomes ready in it later, and is more urgent than its head, moves the number up."""

from __future__ import annotations

import pytest

from tests.support.account import GAP, LEASE, MAINTENANCE, MOBILE, REFUSED, Account, other_number
from tests.support.clock import MINUTE, SECOND
from voice_notify.ledger import keys
from voice_notify.ledger.bands import banded
from voice_notify.ledger.ledger import Wakeup


def add_others(account: Account, count: int, priority: int) -> None:
    """Other numbers that are due."""
    for number in range(count):
        account.submit(other_number(number), id=f"other-{number}", priority=priority)


def test_a_number_moves_up_when_something_urgent_becomes_ready(account: Account) -> None:
    """Its head waits for its turn among many; what was scheduled in its line does not wait behind it."""
    add_others(account, 3, priority=5)
    account.submit(id="low")
    account.submit(id="urgent", priority=9, countdown=10)
    account.clock.advance(10 * SECOND - 1)
    assert account.begin_next(1) == ["other-0"]
    account.clock.advance(1)
    assert account.begin_next(1) == ["urgent"]
    assert account.begin_next() == ["other-1", "other-2"]


def test_each_step_up_is_taken(account: Account) -> None:
    """Where several more urgent ones become ready one after the other."""
    account.submit(id="p0")
    for priority in (3, 6, 9):
        account.submit(id=f"p{priority}", priority=priority, countdown=priority)
    add_others(account, 1, priority=2)
    add_others(account, 1, priority=2)
    line = account.prefix + keys.AGENDA
    for seconds, priority in ((0, 0), (3, 3), (6, 6), (9, 9)):
        account.clock.advance(3 * SECOND if seconds else 0)
        account.grant(1, ordinary=0)  # no room for ordinary ones
        if priority < 9:
            assert account.client.zscore(line, MOBILE) == banded(priority, account.clock.now)
    assert account.state("p9") == "calling"


def test_an_urgent_one_is_heard_of_where_a_less_urgent_one_is_due_to_move_up(account: Account) -> None:
    """Its number is looked at anyway, but for a lower priority, to which a full process does not listen."""
    account.submit(id="low")
    account.submit(id="middle", priority=5, countdown=1)
    account.clock.advance(SECOND)
    account.woken()
    account.submit(id="urgent", priority=9)
    assert Wakeup.URGENT in account.woken()
    assert account.client.zscore(account.prefix + keys.PROMOTIONS, MOBILE) == banded(9, account.clock.now)
    assert account.begin_next(1) == ["urgent"]


def test_one_that_becomes_ready_and_is_less_urgent_changes_nothing(account: Account) -> None:
    """Nor does one of the same priority: the head was there first."""
    account.submit(id="head", priority=5)
    account.submit(id="same", priority=5, countdown=1)
    account.submit(id="less", priority=4, countdown=1)
    add_others(account, 1, priority=5)
    account.clock.advance(SECOND)
    assert account.begin_next() == ["head", "other-0"]


def test_a_number_moves_up_while_it_waits_for_its_gap(account: Account) -> None:
    """It is called as soon as the gap is over, with what is then the most urgent in its line."""
    account.call(account.submit(), takes=0)
    account.submit(id="low")
    account.submit(id="urgent", priority=9, countdown=10)
    add_others(account, 1, priority=5)
    account.begin_next()
    account.clock.advance(GAP)
    add_others(account, 2, priority=8)
    assert account.begin_next() == ["urgent", "other-1"]


def test_a_number_moves_up_after_its_call(account: Account) -> None:
    """Something urgent became ready while another call to the number was in flight."""
    grant = account.granted(account.submit(id="first"))
    account.submit(id="low")
    account.submit(id="urgent", priority=9, countdown=1)
    account.clock.advance(2 * SECOND)
    assert account.begin_next() == []
    add_others(account, 1, priority=5)
    account.settle(grant, REFUSED)
    assert account.begin_next() == ["urgent", "other-0"]


def test_a_backoff_of_something_urgent_moves_its_number_up(account: Account) -> None:
    """While it waits, an ordinary one of its line may go; then it does not wait behind another."""
    account.submit(id="urgent", priority=9)
    account.call("urgent", MAINTENANCE)
    account.submit(id="low")
    add_others(account, 2, priority=5)
    assert account.begin_next(1) == ["other-0"]
    account.clock.advance(MINUTE)
    assert account.begin_next(1) == ["urgent"]


def test_a_withdrawn_promotion_moves_nothing(account: Account) -> None:
    """The number stays where its head belongs."""
    account.submit(id="low")
    account.submit(id="urgent", priority=9, countdown=10)
    add_others(account, 1, priority=5)
    account.ledger.cancel("urgent")
    account.clock.advance(10 * SECOND)
    assert account.begin_next() == ["other-0", "low"]


def test_a_line_that_has_ended_leaves_no_promotion(account: Account) -> None:
    """Nothing is left of a number in whose line nothing waits."""
    account.submit(id="low")
    account.submit(id="urgent", priority=9, countdown=600)
    assert account.client.zcard(account.prefix + keys.PROMOTIONS) == 1
    for id_ in ("low", "urgent"):
        account.ledger.cancel(id_)
    assert account.client.zcard(account.prefix + keys.PROMOTIONS) == 0


@pytest.mark.parametrize("place", [101, 1000])
def test_however_many_become_due_together_in_a_line_the_urgent_one_goes_first(account: Account, place: int) -> None:
    """Wherever it stands among them by its time, and whoever submitted first."""
    account.configure(max_line=place + 1)
    for number in range(1, place + 1):
        urgent = number == place
        account.submit(id=f"n{number}", countdown=1 + number / 1000, priority=9 if urgent else 0)
    add_others(account, 1, priority=5)
    account.clock.advance(MINUTE)
    assert account.begin_next() == [f"n{place}", "other-0"]


@pytest.mark.parametrize("others", [0, 50])
def test_of_many_that_become_due_together_the_rest_follow_in_order(account: Account, *, others: int) -> None:
    """In order of submission, after the urgent one, however many there are.

    What comes after the first hundred of a priority joins with a later call.
    """
    account.configure(max_line=1000, suspect_run=1000)
    ids = [f"n{number}" for number in range(100 + others)]
    for number, id_ in enumerate(ids):
        account.submit(id=id_, countdown=1 + number / 1000, priority=9 if number == 99 else 0)
    account.clock.advance(MINUTE)
    called = [account.call(ids[0], REFUSED, takes=0).id for _ in ids]
    assert called == [ids[99], *ids[:99], *ids[100:]]


def test_more_promotions_than_one_request_takes_keep_the_order(account: Account) -> None:
    """While some are left, nothing goes that is less urgent than these may be."""
    for number in range(100):  # promoted for nothing: a call to each is in flight
        account.submit(other_number(number))
        account.submit(other_number(number), priority=9, countdown=1)
    account.begin_next(100)
    account.submit(other_number(100))
    account.submit()
    account.submit(id="urgent", priority=9, countdown=1.001)
    account.clock.advance(2 * SECOND)
    granted = account.grant(1)
    assert (granted.grants, granted.idle_ms) == ((), 0)
    assert account.begin_next(1) == ["urgent"]


def test_a_promotion_in_a_damaged_line_holds_up_nobody(account: Account) -> None:
    """The others are promoted and called; it is told when its turn comes."""
    for number in range(3):
        account.submit(other_number(number), id=f"low-{number}")
        account.submit(other_number(number), id=f"urgent-{number}", priority=9, countdown=1)
    account.client.delete(account.prefix + keys.LINE + other_number(0))
    account.client.set(account.prefix + keys.LINE + other_number(0), "not a sorted set")
    account.clock.advance(SECOND)
    granted = account.grant()
    assert [grant.id for grant in granted.grants] == ["urgent-1", "urgent-2"]
    assert len(granted.damaged) == 1


def test_a_promotion_of_a_number_in_flight_waits_for_its_settlement(account: Account) -> None:
    """It does not take the number off the end of its lease."""
    account.submit(id="low")
    account.submit(id="urgent", priority=9, countdown=1)
    grant = account.granted("low")
    account.clock.advance(2 * SECOND)
    assert account.begin_next() == []
    assert account.due("low") == grant.now_ms + LEASE
    account.settle(grant, REFUSED)
    assert account.begin_next() == ["urgent"]
