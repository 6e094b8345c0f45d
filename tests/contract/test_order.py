"""Guarantee G6: of the numbers that may be called now, the most urgent goes first, then the longest due."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.account import (
    ACCEPTED,
    GAP,
    MAINTENANCE,
    MOBILE,
    NO_BALANCE,
    REFUSED,
    URGENT,
    Account,
    other_number,
)
from tests.support.clock import MINUTE, SECOND
from voice_notify.ledger import keys
from voice_notify.ledger.bands import banded


def submit_numbers(account: Account, priorities: list[int]) -> list[str]:
    """One notification for each of so many numbers, a millisecond apart; their ids."""
    ids = []
    for number, priority in enumerate(priorities):
        ids.append(account.submit(other_number(number), id=f"n{number}-p{priority}", priority=priority))
        account.clock.advance(1)
    return ids


def test_a_higher_priority_goes_first_among_numbers(account: Account) -> None:
    """9 before 0; within one priority, the longest due."""
    submit_numbers(account, [0, 9, 3, 9, 8, 0, 7, 6])
    in_order = ["n1-p9", "n3-p9", "n4-p8", "n6-p7", "n7-p6", "n2-p3", "n0-p0", "n5-p0"]
    assert account.begin_next(3) + account.begin_next(3) + account.begin_next(3) == in_order


def test_one_at_a_time_the_order_is_the_same(account: Account) -> None:
    """However many calls are asked for at once."""
    submit_numbers(account, [0, 9, 3, 9, 8])
    assert [account.begin_next(1)[0] for _ in range(5)] == ["n1-p9", "n3-p9", "n4-p8", "n2-p3", "n0-p0"]


def test_the_choice_is_made_at_the_grant(account: Account) -> None:
    """An urgent one that was submitted last is the very next call, however many wait."""
    submit_numbers(account, [5] * 300)
    account.begin_next(2)
    urgent = account.submit(priority=9)
    assert account.begin_next(1) == [urgent]


def test_a_low_priority_is_called_when_nothing_higher_is_due(account: Account) -> None:
    """Also while something higher will be due."""
    account.submit(other_number(1), priority=9, countdown=60)
    low = account.submit(other_number(2))
    assert account.begin_next() == [low]


def test_its_age_counts_from_when_it_was_due_first(account: Account) -> None:
    """A number that is put where it belongs again, as when another joins its line, does not go to the end."""
    first, second = submit_numbers(account, [0, 0])
    account.clock.advance(SECOND)
    account.submit(other_number(0), countdown=600)
    account.ledger.cancel(account.submit(other_number(0), priority=1))
    assert account.begin_next() == [first, second]


def test_a_deferral_does_not_make_it_younger(account: Account) -> None:
    """What the rate or a pause held back is called in the order in which it was due."""
    account.configure(call_interval_ms=100)
    ids = submit_numbers(account, [0, 0, 0])
    called = account.begin_next()
    account.ledger.pause("a while")
    account.clock.advance(SECOND)
    account.begin_next()
    account.ledger.resume()
    for _ in range(2):
        called += account.begin_next()
        account.submit(other_number(len(called) + 10))
        account.clock.advance(100)
    assert called == ids


def test_a_number_is_due_from_when_its_windows_allow_it(account: Account) -> None:
    """The age of what waited for the gap counts from its end: it goes behind those that were due before that."""
    account.call(account.submit())
    after_gap = account.submit()
    account.clock.advance(GAP - 1)
    earlier = account.submit(other_number(1))
    account.clock.advance(2)
    later = account.submit(other_number(2))
    assert account.begin_next() == [earlier, after_gap, later]


def test_a_countdown_is_due_from_its_end(account: Account) -> None:
    """Not from its submission."""
    scheduled = account.submit(other_number(1), countdown=10)
    account.clock.advance(10 * SECOND - 1)
    earlier = account.submit(other_number(2))
    account.clock.advance(2)
    later = account.submit(other_number(3))
    assert account.begin_next() == [earlier, scheduled, later]


def test_a_backoff_is_due_from_its_end(account: Account) -> None:
    """And goes with its priority."""
    retried = account.submit(other_number(1), priority=3)
    account.call(retried, MAINTENANCE)
    low = account.submit(other_number(2))
    account.clock.advance(MINUTE)
    high = account.submit(other_number(3), priority=4)
    assert account.begin_next() == [high, retried, low]


def test_the_next_of_a_line_goes_with_its_own_priority(account: Account) -> None:
    """The number does not keep the priority of the one that was called before."""
    account.call(account.submit(priority=9))
    account.submit(id="low")
    account.submit(other_number(1), id="middle", priority=5)
    account.clock.advance(GAP)
    assert account.begin_next() == ["middle", "low"]


def test_a_more_urgent_one_takes_its_number_along(account: Account) -> None:
    """A line whose head was ordinary is called as its new head is urgent, and then as the next one is."""
    submit_numbers(account, [5])
    account.submit(id="behind")
    account.submit(id="urgent", priority=9)
    assert account.begin_next(1) == ["urgent"]
    (grant,) = account.grant(request=1, process="p2").grants
    assert grant.id == "n0-p5"


def test_a_number_whose_urgent_head_is_withdrawn_moves_down(account: Account) -> None:
    """To where the rest of its line belongs."""
    account.submit(id="low")
    account.submit(id="urgent", priority=9)
    account.submit(other_number(1), id="middle", priority=5)
    account.ledger.cancel("urgent")
    assert account.begin_next() == ["middle", "low"]


@pytest.mark.parametrize("ends", ["expired by a sweep", "expired at its turn", "refused"])
def test_a_number_whose_urgent_head_has_ended_moves_down(account: Account, ends: str) -> None:
    """However it ends, what is behind it gets its own place."""
    account.submit(id="low")
    account.submit(id="urgent", priority=9, expires=10)
    account.submit(other_number(1), id="middle", priority=5)
    if ends == "refused":
        account.call("urgent", REFUSED)
    else:
        account.clock.advance(10 * SECOND)
    if ends == "expired by a sweep":
        assert account.expire() == ["urgent"]
    assert account.begin_next() == ["middle", "low"]


def test_a_replayed_dead_letter_goes_with_its_priority(account: Account) -> None:
    """And within it, it is due from the replay on."""
    account.submit(id="dead", priority=5)
    account.call("dead", NO_BALANCE)
    account.ledger.resume()
    account.submit(other_number(1), id="earlier", priority=5)
    account.submit(other_number(2), id="low")
    account.clock.advance(1)
    account.dead_letters.replay(["dead"], expires=60)
    account.clock.advance(1)
    account.submit(other_number(3), id="later", priority=5)
    assert account.begin_next() == ["earlier", "dead", "later", "low"]


def test_at_the_next_permitted_moment_the_rate_has_the_most_urgent_called(account: Account) -> None:
    """Not the one that was refused before."""
    account.configure(call_interval_ms=1000)
    first, second = submit_numbers(account, [5, 5])
    assert account.begin_next() == [first]
    urgent = account.submit(priority=9)
    assert account.begin_next() == []
    account.clock.advance(SECOND)
    assert account.begin_next() == [urgent]
    account.clock.advance(SECOND)
    assert account.begin_next() == [second]


def test_after_a_spent_budget_the_most_urgent_is_called_first(account: Account) -> None:
    """The pause had everything keep its place."""
    account.configure(daily_budget=1)
    in_flight = account.granted(account.submit())
    account.submit(other_number(1), id="ordinary")
    assert account.begin_next() == []
    account.submit(other_number(2), id="urgent", priority=9)
    account.settle(in_flight, MAINTENANCE)
    assert account.begin_next(1) == ["urgent"]


@pytest.mark.parametrize("of_version", ["before", "now"])
def test_entries_of_the_version_before_are_taken_and_sorted(account: Account, of_version: str) -> None:
    """Its agenda and lines had plain milliseconds for scores, whatever the priority: nothing of it is left behind."""
    account.submit(other_number(0), id="low")
    account.submit(other_number(1), id="high", priority=8)
    account.submit(other_number(2), id="scheduled", priority=9, countdown=10)
    account.submit(other_number(3), id="backoff", priority=2, countdown=5)
    account.submit(other_number(3), id="behind", priority=1)
    now = account.clock.now
    if of_version == "before":
        agenda = {other_number(0): now, other_number(1): now, other_number(2): now + 10_000, other_number(3): now}
        account.client.zadd(account.prefix + keys.AGENDA, agenda)
        account.client.zadd(account.prefix + keys.LINE + other_number(2), {"scheduled": now + 10_000})
        account.client.zadd(account.prefix + keys.LINE + other_number(3), {"backoff": now + 5000})
        account.client.delete(account.prefix + keys.PROMOTIONS)
    account.clock.advance(5 * SECOND)
    assert account.begin_next(2) == ["high", "backoff"]
    account.clock.advance(5 * SECOND)
    assert account.begin_next() == ["scheduled", "low"]
    entries: Any = account.client.zrange(account.prefix + keys.AGENDA, 0, -1, withscores=True)
    assert min(score for _, score in entries) > banded(0, now)  # all are in flight


# Those that only urgent ones may use.


def test_ordinary_calls_leave_the_room_that_is_reserved(account: Account) -> None:
    """Of the calls that may begin, some are only for `urgent_priority` and above."""
    submit_numbers(account, [0, URGENT - 1, 5])
    assert [grant.id for grant in account.grant(3, ordinary=2).grants] == ["n1-p6", "n2-p5"]
    assert account.grant(1, ordinary=0).grants == ()
    assert account.begin_next() == ["n0-p0"]


def test_urgent_calls_use_all_the_room(account: Account) -> None:
    """Also what ordinary ones could have had."""
    submit_numbers(account, [0, URGENT, 9, URGENT])
    assert [grant.id for grant in account.grant(3, ordinary=1).grants] == ["n2-p9", "n1-p7", "n3-p7"]


def test_ordinary_calls_fill_what_urgent_ones_leave(account: Account) -> None:
    """Urgent calls take of the reserved room first."""
    submit_numbers(account, [0, 0, 0, 9, 9])
    assert [grant.id for grant in account.grant(4, ordinary=3).grants] == ["n3-p9", "n4-p9", "n0-p0", "n1-p0"]
    assert [grant.id for grant in account.grant(4, ordinary=3).grants] == ["n2-p0"]


def test_a_call_that_was_accepted_leaves_the_order_of_the_others(account: Account) -> None:
    """Calls in flight and the numbers that wait for their gap stand in nobody's way."""
    ids = submit_numbers(account, [0] * 40)
    for _ in range(2):
        for grant in account.grant(10).grants:
            account.submit(grant.mobile)
            account.settle(grant, ACCEPTED)
    account.submit(MOBILE, id="urgent", priority=9)
    assert account.begin_next(21) == ["urgent", *ids[20:]]
