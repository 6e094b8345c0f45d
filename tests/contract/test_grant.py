"""Beginning: a call is granted only if every limit allows it now, and only once."""

from __future__ import annotations

import pytest

from tests.support.account import (
    ACCEPTED,
    BACKOFF,
    GAP,
    LEASE,
    LIMITS,
    MAINTENANCE,
    MOBILE,
    REFUSED,
    SEND_WITHIN,
    TOMORROW,
    Account,
    other_number,
)
from tests.support.clock import DAY, HOUR, MINUTE, NOON, SECOND
from voice_notify.domain.retry import Attempt
from voice_notify.domain.states import State
from voice_notify.domain.windows import Limits
from voice_notify.ledger import keys
from voice_notify.ledger.ledger import Grant


def test_a_grant_holds_all_that_the_call_needs(account: Account) -> None:
    """A grant holds all that a worker needs for the call, and the notification is `calling`."""
    id_ = account.submit(params=("张三", '"3号楼"'))
    grant = account.begin(id_, "token")
    assert grant == Grant(
        id_, "token", MOBILE, "453662", ("张三", '"3号楼"'), Attempt(1, 0), account.clock.now, SEND_WITHIN
    )
    assert account.state(id_) is State.CALLING


def test_a_line_has_at_most_one_call_in_flight(account: Account) -> None:
    """A line has at most one call in flight, also when that call's lease has run out but is not settled."""
    first, second = account.submit(), account.submit()
    account.granted(first)
    for _ in range(3):
        assert account.begin(first) is None
        assert account.begin(second) is None
        account.clock.advance(DAY)


def test_numbers_do_not_wait_for_each_other(account: Account) -> None:
    """A number that is being called, or has just been, holds up no other."""
    account.call(account.submit())
    account.granted(account.submit(other_number(1)))
    account.granted(account.submit(other_number(2)))


def test_the_head_of_the_line_is_called_whichever_id_asks(account: Account) -> None:
    """Also when the notification that a wake-up names is final."""
    head, behind = account.submit(), account.submit()
    assert account.call(behind).id == head
    account.clock.advance(GAP)
    assert account.granted(head).id == behind


def test_nothing_begins_in_an_empty_or_unknown_line(account: Account) -> None:
    """A wake-up that comes too late, or for what is not known, leaves no trace."""
    id_ = account.submit()
    account.call(id_)
    assert account.begin("unknown") is None
    assert account.begin(id_) is None
    assert account.due(id_) is None


def test_the_next_call_waits_for_the_gap_after_the_settlement(account: Account) -> None:
    """The next call of a number begins when the gap after the settlement of the last one is over, not before."""
    id_ = account.submit()
    account.submit()
    account.call(id_, takes=7 * SECOND)
    account.granted_exactly_at(account.clock.now + GAP, id_)


def test_the_sixth_call_waits_until_the_first_is_a_window_ago(account: Account) -> None:
    """The sixth call begins when the first of the last five is a window ago."""
    ids = [account.submit() for _ in range(6)]
    account.call(ids[0])
    first_call = account.clock.now
    for hours in (1, 2, 5, 23):
        account.clock.set(first_call + hours * HOUR)
        account.call(ids[0])
    account.granted_exactly_at(first_call + LIMITS.window_ms, ids[0])


def test_each_call_makes_room_a_window_after_itself(account: Account) -> None:
    """The daily limit is one of any window: each call makes room a window after itself."""
    ids = [account.submit() for _ in range(12)]
    calls = []
    for hours in (0, 1, 20, 22, 23):
        account.clock.set(NOON + hours * HOUR - SECOND)
        account.call(ids[0])
        calls.append(account.clock.now)
    for earlier in calls:
        grant = account.granted_exactly_at(earlier + LIMITS.window_ms, ids[0])
        account.settle(grant, ACCEPTED)


def test_an_attempt_that_asks_again_gets_the_same_grant(account: Account) -> None:
    """An attempt whose grant was lost on the way gets the same grant again, with less time to send."""
    id_ = account.submit()
    account.begin(id_, "token")
    account.clock.advance(2 * SECOND)
    again = account.begin(id_, "token")
    assert again is not None
    assert (again.id, again.attempt.attempts, again.send_within_ms) == (id_, 1, SEND_WITHIN - 2 * SECOND)
    assert account.explain(id_).due_ms == NOON + LEASE


def test_an_attempt_that_asks_again_is_counted_once(account: Account) -> None:
    """However often an attempt asks, it is one call in the window."""
    ids = [account.submit() for _ in range(6)]
    for _ in range(5):
        grant = account.granted(ids[0])
        for _ in range(3):
            assert account.begin(ids[0], grant.token) == grant
        account.settle(grant, ACCEPTED)
        account.clock.advance(GAP)
    assert account.explain(ids[5]).due_ms == NOON + LIMITS.window_ms


def test_what_is_past_its_deadline_is_not_called_and_the_next_is(account: Account) -> None:
    """A notification whose deadline has passed is not called; once it has expired, the next in line is."""
    late = account.submit(expires=10)
    also_late = account.submit(expires=5)
    in_time = account.submit(expires=11)
    account.clock.advance(10 * SECOND)
    assert account.begin(late) is None
    assert account.ledger.expire() == [also_late, late]
    assert account.granted(late).id == in_time


def test_what_is_past_its_deadline_is_left_to_the_sweep(account: Account) -> None:
    """Nothing ends unheard: the sweep, which tells of each, ends it, and its line is due again until then."""
    id_ = account.submit(expires=10)
    account.clock.advance(10 * SECOND)
    account.client.zrem(account.prefix + keys.DEADLINES, id_)  # whatever was lost
    account.claim()
    assert account.begin(id_) is None
    assert (account.state(id_), account.due(id_)) == (State.WAITING, account.clock.now)
    assert account.ledger.expire() == [id_]
    assert (account.state(id_), account.due(id_)) == (State.EXPIRED, None)


def test_a_line_that_was_claimed_too_early_is_due_when_it_can_be_called(account: Account) -> None:
    """Where the clock went back after the claim, the agenda has the number at its time, not at the lease's end."""
    id_ = account.submit(countdown=10)
    account.clock.advance(10 * SECOND)
    account.claim()
    account.clock.advance(-5 * SECOND)
    assert account.begin(id_) is None
    assert account.due(id_) == NOON + 10 * SECOND


def test_a_deadline_shortens_the_time_to_send(account: Account) -> None:
    """A call that begins shortly before its deadline has only until then to send its request."""
    id_ = account.submit(expires=10)
    account.clock.advance(9 * SECOND)
    assert account.granted(id_).send_within_ms == SECOND


def test_a_deadline_does_not_end_a_call_in_flight(account: Account) -> None:
    """A deadline does not end a call that has begun."""
    id_ = account.submit(expires=1)
    account.granted(id_)
    account.clock.advance(2 * SECOND)
    assert account.begin(id_) is None
    assert account.state(id_) is State.CALLING


def test_606_holds_the_number_until_midnight_in_china(account: Account) -> None:
    """606 holds the whole number until the provider's next day begins, 00:00 China time."""
    id_ = account.submit()
    account.call(id_, TOMORROW)
    urgent = account.submit(priority=9)
    assert account.granted_exactly_at(NOON + 12 * HOUR, id_).id == urgent


def test_the_later_of_a_hold_and_the_gap_counts(account: Account) -> None:
    """The later of a hold and the windows counts."""
    account.clock.set(NOON + 12 * HOUR - MINUTE)
    ids = [account.submit() for _ in range(2)]
    account.call(ids[0])
    account.clock.advance(GAP)
    account.call(ids[0], TOMORROW, takes=1)
    account.granted_exactly_at(NOON + 12 * HOUR, ids[1])


def test_the_rate_spaces_the_calls_of_the_account(account: Account) -> None:
    """`max_calls_per_second` spaces the calls of the account."""
    account.configure(call_interval_ms=100)
    ids = [account.submit(other_number(number)) for number in range(3)]
    account.granted(ids[0])
    assert [account.begin(id_) for id_ in ids[1:]] == [None, None]
    account.granted_exactly_at(NOON + 100, ids[1])
    assert account.begin(ids[2]) is None
    account.granted_exactly_at(NOON + 200, ids[2])


def test_a_high_rate_lets_what_fits_into_50_ms_go_together(account: Account) -> None:
    """Where more than 20 calls a second are allowed, as many as fit into 50 ms may go together."""
    account.configure(call_interval_ms=25)
    ids = [account.submit(other_number(number)) for number in range(5)]
    for id_ in ids[:3]:
        account.granted(id_)
    assert [account.begin(id_) for id_ in ids[3:]] == [None, None]
    account.granted_exactly_at(NOON + 25, ids[3])
    assert account.begin(ids[4]) is None
    account.granted_exactly_at(NOON + 50, ids[4])


def test_a_deferred_call_uses_no_rate(account: Account) -> None:
    """What the windows defer is not counted against the rate."""
    account.configure(call_interval_ms=100)
    id_ = account.submit()
    account.submit()
    account.call(id_)
    assert account.begin(id_) is None
    account.granted(account.submit(other_number(1)))


def test_no_call_begins_while_the_account_is_paused(account: Account) -> None:
    """While the account is paused no call begins, and the line keeps its place on the agenda."""
    id_ = account.submit()
    account.ledger.pause("maintenance")
    assert account.begin(id_) is None
    account.clock.advance(DAY)
    assert account.begin(id_) is None
    account.ledger.resume()
    assert account.claim().ids == (id_,)
    account.granted(id_)


@pytest.mark.parametrize("deferred", [False, True])
def test_what_joins_its_line_keeps_its_place(account: Account, *, deferred: bool) -> None:
    """A notification that joins its line keeps its place, whether or not its line could be called at that moment."""
    account.submit(id="later", countdown=1)
    account.submit(id="now")
    if deferred:
        account.call("now")
        account.begin("now")
        account.clock.advance(GAP)
        account.submit(id="now-too")
    else:
        account.clock.advance(SECOND)
    assert account.granted("now").id == "later"


@pytest.mark.parametrize("others", [0, 50])
def test_of_a_hundred_that_become_due_together_the_urgent_one_goes_first(account: Account, *, others: int) -> None:
    """Also the hundredth by its time does, and the rest follow in order of submission, however many there are.

    What comes after the first hundred joins with a later call: among those, nothing is said of priorities here.
    """
    account.configure(max_line=1000, suspect_run=1000)
    ids = [f"n{number}" for number in range(100 + others)]
    for number, id_ in enumerate(ids):
        account.submit(id=id_, countdown=1 + number / 1000, priority=9 if number == 99 else 0)
    account.clock.advance(MINUTE)
    called = [account.call(ids[0], REFUSED, takes=0).id for _ in ids]
    assert called == [ids[99], *ids[:99], *ids[100:]]


def test_after_its_backoff_it_goes_before_those_submitted_later(account: Account) -> None:
    """A notification whose backoff is over goes before those submitted later."""
    first, second = account.submit(), account.submit()
    account.call(first, MAINTENANCE)
    account.clock.advance(BACKOFF)
    assert account.granted(second).id == first


def test_each_of_many_attempts_is_answered_for_itself(account: Account) -> None:
    """A chunk of attempts is answered one by one: numbers that are free are granted, a second call of one is not."""
    ids = [account.submit(), account.submit(), account.submit(other_number(1))]
    grants = account.begin_each(ids)
    assert [grant and grant.id for grant in grants] == [ids[0], None, ids[2]]


def test_a_gap_longer_than_the_window_is_kept_in_full(account: Account) -> None:
    """The gap counts for its whole length, whatever the window."""
    account.configure(limits=Limits(gap_ms=HOUR, max_calls=5, window_ms=MINUTE))
    id_ = account.submit()
    account.submit()
    account.call(id_)
    account.granted_exactly_at(account.clock.now + HOUR, id_)
