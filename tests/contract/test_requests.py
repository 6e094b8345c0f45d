"""What a process asks for: the same request has the same reply, and the reply says when to ask again."""

from __future__ import annotations

import pytest

from tests.support.account import (
    ACCEPTED,
    BACKOFF,
    GAP,
    LEASE,
    LIMITS,
    MAINTENANCE,
    SEND_WITHIN,
    Account,
    other_number,
)
from tests.support.clock import MINUTE, NOON, SECOND
from voice_notify.ledger import keys


def submit_numbers(account: Account, count: int, **fields: object) -> list[str]:
    """One notification for each of so many numbers; their ids."""
    return [account.submit(other_number(number), **fields) for number in range(count)]


# The same request again, because its reply was lost.


def test_a_repeated_request_is_granted_the_same_calls(account: Account) -> None:
    """The same attempts, with less time to send, and no others."""
    ids = submit_numbers(account, 5)
    first = account.grant(2, request=1)
    account.clock.advance(2 * SECOND)
    again = account.grant(2, request=1)
    assert [grant.id for grant in first.grants] == [grant.id for grant in again.grants] == ids[:2]
    assert [grant.token for grant in again.grants] == [grant.token for grant in first.grants]
    assert [grant.send_within_ms for grant in again.grants] == [SEND_WITHIN - 2 * SECOND] * 2
    assert [grant.attempt.attempts for grant in again.grants] == [1, 1]
    assert account.explain(ids[0]).due_ms == NOON + LEASE


def test_after_a_repeated_request_the_next_is_made_at_once(account: Account) -> None:
    """What became due meanwhile was not looked at."""
    submit_numbers(account, 2)
    account.grant(request=1)
    account.submit()
    again = account.grant(request=1)
    assert (len(again.grants), again.idle_ms) == (2, 0)
    assert len(account.grant(request=2).grants) == 1


def test_another_request_is_granted_others(account: Account) -> None:
    """The next number is a new request; so is the same number of another process."""
    ids = submit_numbers(account, 6)
    granted = [
        account.grant(2, process=process, request=request) for process, request in (("a", 1), ("a", 2), ("b", 1))
    ]
    assert [[grant.id for grant in each.grants] for each in granted] == [ids[:2], ids[2:4], ids[4:]]


def test_an_older_request_is_not_known_any_more(account: Account) -> None:
    """A process repeats only its last one."""
    ids = submit_numbers(account, 3)
    for request in (1, 2):
        account.grant(1, request=request)
    assert [grant.id for grant in account.grant(1, request=1).grants] == ids[2:]


def test_what_ended_meanwhile_is_not_granted_again(account: Account) -> None:
    """Calls that were settled, or given up as lapsed and begun again, are no longer this request's."""
    submit_numbers(account, 3)
    first, second, third = account.grant(request=1).grants
    account.settle(second, ACCEPTED)
    assert account.grant(request=1).grants == (first, third)
    account.settle(first, MAINTENANCE)
    account.clock.advance(BACKOFF)
    account.grant(process="p2")
    assert [grant.token for grant in account.grant(request=1).grants] == [third.token]


def test_where_all_have_ended_a_repeated_request_grants_nothing(account: Account) -> None:
    """And the next one is made at once."""
    ids = submit_numbers(account, 3)
    (grant,) = account.grant(1, request=1).grants
    account.settle(grant, ACCEPTED)
    again = account.grant(1, request=1)
    assert (again.grants, again.idle_ms) == ((), 0)
    assert [grant.id for grant in account.grant(1, request=2).grants] == ids[1:2]


def test_a_request_that_was_granted_nothing_is_made_anew(account: Account) -> None:
    """It finds what is due by then."""
    assert account.grant(request=1).grants == ()
    account.submit()
    assert len(account.grant(request=1).grants) == 1


def test_a_lost_reply_is_counted_once(account: Account) -> None:
    """However often a request is repeated, its calls are one each: in the windows, the attempts and the counts."""
    account.configure(daily_budget=100)
    ids = [account.submit() for _ in range(6)]
    for request in range(1, 6):
        grants = {account.grant(request=request).grants for _ in range(3)}
        ((grant,),) = grants
        account.settle(grant, ACCEPTED)
        account.clock.advance(GAP)
    assert account.explain(ids[5]).due_ms == NOON + LIMITS.window_ms
    spent = account.client.get(account.prefix + keys.SPENT + "20240")
    begun = account.client.hget(account.prefix + keys.TOTALS, "begun")
    assert (spent, begun) == ("5", "5")


def test_a_repeated_request_is_answered_while_the_account_is_paused(account: Account) -> None:
    """Its calls were granted before: they are counted, and may still be placed in time."""
    submit_numbers(account, 2)
    first = account.grant(1, request=1)
    account.ledger.pause("a while")
    assert account.grant(1, request=1).grants == first.grants


def test_what_was_granted_is_remembered_for_the_lease_of_a_call(account: Account) -> None:
    """Nothing is left of a process that is gone."""
    account.submit()
    account.grant(process="gone", request=1)
    assert account.client.exists(account.prefix + keys.GRANTED + "gone")
    account.clock.advance(LEASE + SECOND)
    assert not account.client.exists(account.prefix + keys.GRANTED + "gone")


# When to ask again.


def test_where_nothing_waits_a_process_sleeps_until_it_is_woken(account: Account) -> None:
    """Nothing is known to become due."""
    assert account.grant().idle_ms is None


def test_a_process_sleeps_until_the_next_thing_is_due(account: Account) -> None:
    """To the millisecond, whichever number and priority that is."""
    account.submit(other_number(1), countdown=60)
    account.submit(other_number(2), priority=9, countdown=50)
    account.submit(other_number(3), priority=5, countdown=40)
    assert account.grant().idle_ms == 40 * SECOND
    account.clock.advance(40 * SECOND - 1)
    granted = account.grant()
    assert (granted.grants, granted.idle_ms) == ((), 1)
    account.clock.advance(1)
    assert len(account.grant().grants) == 1


def test_a_process_wakes_for_what_becomes_urgent_in_a_line(account: Account) -> None:
    """Its number itself has room only later."""
    account.call(account.submit(), takes=0)
    account.submit()
    account.submit(priority=9, countdown=GAP / SECOND + 5)
    assert account.grant(2, ordinary=0).idle_ms == GAP + 5 * SECOND
    assert account.grant().idle_ms == GAP


def test_a_process_that_is_full_sleeps_until_it_has_room(account: Account) -> None:
    """It asks again when a call ends."""
    submit_numbers(account, 3)
    assert account.grant(2).idle_ms is None


def test_a_process_without_ordinary_room_sleeps_until_something_urgent_is_due(account: Account) -> None:
    """What else is due is not for it."""
    account.submit(other_number(1))
    account.submit(other_number(2), priority=6, countdown=5)
    assert account.grant(1, ordinary=0).idle_ms is None
    account.submit(other_number(3), priority=7, countdown=60)
    assert account.grant(1, ordinary=0).idle_ms == MINUTE


def test_with_more_to_look_at_a_process_asks_again_at_once(account: Account) -> None:
    """One request looks at so many numbers at most; those that are not called go first where they are due longer."""
    for number in range(120):
        account.submit(other_number(number), expires=1)
    account.clock.advance(SECOND)
    last = account.submit()
    expired: list[str] = []
    while not (granted := account.grant(10)).grants:
        assert granted.idle_ms == 0
        assert 0 < len(granted.expired) <= 60
        expired += granted.expired
    assert [grant.id for grant in granted.grants] == [last]
    assert len(expired) + len(granted.expired) == 120


def test_a_process_with_much_room_asks_more_than_once(account: Account) -> None:
    """One request begins a bounded number of calls, the next are asked for at once."""
    ids = submit_numbers(account, 300)
    first = account.grant(500)
    assert (len(first.grants) < 150, first.idle_ms) == (True, 0)
    begun = [grant.id for grant in first.grants]
    while len(begun) < 300:
        granted = account.grant(500 - len(begun))
        begun += [grant.id for grant in granted.grants]
        assert len(begun) == 300 or granted.idle_ms == 0
    assert begun == ids


@pytest.mark.parametrize("most", [1, 16])
def test_no_more_calls_are_granted_than_were_asked_for(account: Account, most: int) -> None:
    """However many are due."""
    submit_numbers(account, 40)
    assert len(account.grant(most).grants) == most
