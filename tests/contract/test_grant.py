"""Beginning: a call is granted only if every limit allows it now, and only once."""

from __future__ import annotations

import pytest

from tests.support.account import (
    ACCEPTED,
    BACKOFF,
    GAP,
    LIMITS,
    MAINTENANCE,
    MOBILE,
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
from voice_notify.ledger.bands import banded
from voice_notify.ledger.ledger import Grant


def test_a_grant_holds_all_that_the_call_needs(account: Account) -> None:
    """A grant holds all that a worker needs for the call, and the notification is `calling`."""
    id_ = account.submit(params=("张三", '"3号楼"'))
    (grant,) = account.grant(process="p1", request=7).grants
    assert grant == Grant(
        id_, "p1-7-1", MOBILE, "453662", ("张三", '"3号楼"'), Attempt(1, 0), account.clock.now, 0, SEND_WITHIN
    )
    assert account.state(id_) is State.CALLING


def test_every_attempt_has_a_token_of_its_own(account: Account) -> None:
    """Whichever process it is granted to, and however many others with it."""
    for number in range(6):
        account.submit(other_number(number))
    grants = [*account.grant(2, process="p1").grants, *account.grant(2, process="p1").grants]
    grants += account.grant(2, process="p2", request=1).grants
    assert len({grant.token for grant in grants}) == 6


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


def test_nothing_begins_where_nothing_waits(account: Account) -> None:
    """An entry of the agenda whose line is empty, as after a repair by hand, is taken off."""
    id_ = account.submit()
    account.call(id_)
    account.client.zadd(account.prefix + keys.AGENDA, {MOBILE: account.clock.now})
    granted = account.grant()
    assert (granted.grants, granted.damaged) == ((), ())
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
    account.clock.advance(-SECOND)
    ids = [account.submit() for _ in range(12)]
    calls = []
    for hours in (0, 1, 20, 22, 23):
        account.clock.set(NOON + hours * HOUR - SECOND)
        account.call(ids[0])
        calls.append(account.clock.now)
    for earlier in calls:
        grant = account.granted_exactly_at(earlier + LIMITS.window_ms, ids[0])
        account.settle(grant, ACCEPTED)


def test_what_is_past_its_deadline_is_not_called_and_the_next_is(account: Account) -> None:
    """Those at the head of a line whose deadline has passed end when their turn comes, and the next is called."""
    late = account.submit(expires=10)
    also_late = account.submit(expires=5)
    in_time = account.submit(expires=11)
    account.clock.advance(10 * SECOND)
    granted = account.grant()
    assert granted.expired == (late, also_late)
    assert [grant.id for grant in granted.grants] == [in_time]
    record = account.explain(late).record
    assert (record.state, record.reason, record.ended_ms) == (State.EXPIRED, "deadline", account.clock.now)
    assert account.expire() == []


def test_a_deadline_that_no_sweep_knows_of_still_counts(account: Account) -> None:
    """Whatever was lost, a call is never begun after its deadline."""
    id_ = account.submit(expires=10)
    account.clock.advance(10 * SECOND)
    account.client.zrem(account.prefix + keys.DEADLINES, id_)
    assert account.grant().expired == (id_,)
    assert (account.state(id_), account.due(id_)) == (State.EXPIRED, None)


def test_a_number_that_comes_too_early_is_put_where_it_belongs(account: Account) -> None:
    """Where the agenda has a number before its time, as an older version or a repair may leave it."""
    id_ = account.submit(countdown=10)
    account.client.zadd(account.prefix + keys.AGENDA, {MOBILE: account.clock.now})
    assert account.begin(id_) is None
    assert account.due(id_) == NOON + 10 * SECOND


def test_no_agenda_lets_a_window_be_broken(account: Account) -> None:
    """Whatever stands there, the number's own limits are looked at when the call would begin."""
    account.call(account.submit(), takes=0)
    id_ = account.submit()
    account.client.zadd(account.prefix + keys.AGENDA, {MOBILE: banded(0, NOON)})
    assert account.begin(id_) is None
    assert account.due(id_) == NOON + GAP


def test_a_deadline_shortens_the_time_to_send(account: Account) -> None:
    """A call that begins shortly before its deadline has only until then to send its request.

    The ledger's clock has whole milliseconds: the one that it says may be nearly over.
    """
    id_ = account.submit(expires=10)
    account.clock.advance(9 * SECOND)
    assert account.granted(id_).send_within_ms == SECOND - 1


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
    for id_ in ids[:2]:
        granted = account.grant()
        assert ([grant.id for grant in granted.grants], granted.idle_ms) == ([id_], 100)
        account.clock.advance(99)
        granted = account.grant()
        assert (granted.grants, granted.idle_ms) == ((), 1)
        account.clock.advance(1)
    assert account.begin_next() == ids[2:]


def test_a_high_rate_lets_what_fits_into_50_ms_go_together(account: Account) -> None:
    """Where more than 20 calls a second are allowed, as many as fit into 50 ms may go together."""
    account.configure(call_interval_ms=25)
    ids = [account.submit(other_number(number)) for number in range(5)]
    begun = []
    for _ in range(51):
        begun += [(id_, account.clock.now - NOON) for id_ in account.begin_next()]
        account.clock.advance(1)
    assert begun == list(zip(ids, [0, 0, 0, 25, 50], strict=True))


def test_a_deferred_call_uses_no_rate(account: Account) -> None:
    """What the windows defer is not counted against the rate."""
    account.configure(call_interval_ms=100)
    id_ = account.submit()
    account.submit()
    account.call(id_)
    account.client.zadd(account.prefix + keys.AGENDA, {MOBILE: account.clock.now})  # too early, and looked at
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
    assert account.begin_next() == [id_]


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


def test_after_its_backoff_it_goes_before_those_submitted_later(account: Account) -> None:
    """A notification whose backoff is over goes before those submitted later."""
    first, second = account.submit(), account.submit()
    account.call(first, MAINTENANCE)
    account.clock.advance(BACKOFF)
    assert account.granted(second).id == first


def test_numbers_that_are_due_begin_together_one_call_each(account: Account) -> None:
    """Of two notifications for one number one is called, and the other waits for its gap."""
    ids = [account.submit(), account.submit(), account.submit(other_number(1))]
    assert account.begin_next() == [ids[0], ids[2]]
    assert account.begin_next() == []


def test_a_gap_longer_than_the_window_is_kept_in_full(account: Account) -> None:
    """The gap counts for its whole length, whatever the window."""
    account.configure(limits=Limits(gap_ms=HOUR, max_calls=5, window_ms=MINUTE))
    id_ = account.submit()
    account.submit()
    account.call(id_)
    account.granted_exactly_at(account.clock.now + HOUR, id_)
