"""Cancelling and expiring: how a notification ends without a call."""

from __future__ import annotations

import pytest

from tests.support.account import (
    ACCEPTED,
    GAP,
    LEASE,
    MAINTENANCE,
    NO_BALANCE,
    REFUSED,
    TOMORROW,
    UNCLEAR,
    UNCONFIRMED,
    Account,
    other_number,
)
from tests.support.clock import HOUR, MINUTE, SECOND
from voice_notify.domain.outcome import Outcome
from voice_notify.domain.states import State
from voice_notify.errors import UnknownNotification


def test_a_waiting_notification_is_withdrawn_and_its_line_goes_on(account: Account) -> None:
    """A waiting notification is withdrawn at once, and its line goes on with the next."""
    first, second = account.submit(), account.submit(countdown=60)
    assert account.ledger.cancel(first) is State.WAITING
    record = account.explain(first).record
    assert (record.state, record.reason, record.ended_ms) == (State.CANCELLED, "cancelled", account.clock.now)
    assert account.due(first) == account.clock.now + MINUTE
    account.clock.advance(MINUTE)
    assert account.granted(first).id == second


def test_a_number_whose_last_was_withdrawn_leaves_the_agenda(account: Account) -> None:
    """A number whose last notification was withdrawn leaves the agenda."""
    id_ = account.submit()
    account.ledger.cancel(id_)
    assert account.due(id_) is None
    assert account.begin_next() == []


def test_withdrawing_from_the_middle_keeps_the_order_of_the_others(account: Account) -> None:
    """A notification that is withdrawn from the middle of a line leaves the others in their order."""
    ids = [account.submit() for _ in range(3)]
    account.ledger.cancel(ids[1])
    assert account.call_order(ids[0], 2) == [ids[0], ids[2]]


@pytest.mark.parametrize(
    "outcome",
    [MAINTENANCE, TOMORROW, REFUSED, UNCLEAR, NO_BALANCE, UNCONFIRMED],
    ids=lambda outcome: outcome.kind,
)
def test_a_withdrawn_call_in_flight_is_followed_by_no_other(account: Account, outcome: Outcome) -> None:
    """A call in flight cannot be called back, but whatever it comes to short of success, nothing follows it."""
    id_ = account.submit()
    grant = account.granted(id_)
    assert account.ledger.cancel(id_) is State.CALLING
    assert account.state(id_) is State.CALLING
    assert account.settle(grant, outcome) == State.CANCELLED
    record = account.explain(id_).record
    assert (record.state, record.reason, record.code) == (State.CANCELLED, "cancelled", outcome.code)
    assert account.ledger.counts() == dict.fromkeys(State, 0) | {State.CANCELLED: 1}


def test_a_withdrawn_call_that_succeeds_is_accepted(account: Account) -> None:
    """A call that was accepted is accepted, also when it was to be withdrawn meanwhile."""
    id_ = account.submit()
    grant = account.granted(id_)
    account.ledger.cancel(id_)
    assert account.settle(grant, ACCEPTED) == State.ACCEPTED


def test_a_withdrawn_call_that_was_lost_is_counted_and_not_sent_again(account: Account) -> None:
    """The call may have been placed: it counts in the window."""
    id_ = account.submit()
    account.granted(id_)
    account.ledger.cancel(id_)
    account.clock.advance(LEASE)
    (lapsed,) = account.sweep().lapsed
    assert account.settle(lapsed, UNCONFIRMED) == State.CANCELLED
    account.granted_exactly_at(account.clock.now + GAP, account.submit())


def test_a_late_success_decides_a_withdrawn_resend(account: Account) -> None:
    """A resend that was to be withdrawn ends accepted when the first attempt's success arrives late."""
    id_ = account.submit()
    lost = account.lose_call(id_)
    account.clock.advance(GAP)
    resend = account.granted(id_)
    account.ledger.cancel(id_)
    account.settle(lost, ACCEPTED)
    assert account.settle(resend, REFUSED) == State.ACCEPTED


def test_the_next_attempt_is_not_withdrawn(account: Account) -> None:
    """A cancel of an attempt does not linger: a replayed notification is called and settled as any other."""
    id_ = account.submit()
    account.call(id_, REFUSED)
    assert account.ledger.cancel(id_) is State.DEAD
    account.dead_letters.replay([id_], expires=60)
    account.call(id_, UNCONFIRMED)
    assert account.state(id_) is State.WAITING


def test_withdrawing_changes_no_final_state(account: Account) -> None:
    """A final state stays, and the caller learns it."""
    id_ = account.submit()
    account.call(id_)
    before = account.explain(id_)
    assert account.ledger.cancel(id_) is State.ACCEPTED
    assert account.explain(id_) == before


def test_withdrawing_an_unknown_notification_is_an_error(account: Account) -> None:
    """To withdraw what is not known is an error."""
    with pytest.raises(UnknownNotification):
        account.ledger.cancel("unknown")


def test_a_notification_expires_at_its_deadline_and_not_before(account: Account) -> None:
    """A notification expires when its deadline has come, not before, wherever it stands in its line."""
    head, middle, last = account.submit(), account.submit(expires=60), account.submit()
    account.clock.advance(MINUTE - 1)
    assert account.expire() == []
    account.clock.advance(1)
    assert account.expire() == [middle]
    record = account.explain(middle).record
    assert (record.state, record.reason, record.ended_ms) == (State.EXPIRED, "deadline", account.clock.now)
    assert account.ledger.counts() == dict.fromkeys(State, 0) | {State.WAITING: 2, State.EXPIRED: 1}
    assert account.expire() == []
    assert account.call_order(head, 2) == [head, last]


def test_the_line_of_an_expired_head_is_due_when_the_next_is(account: Account) -> None:
    """When the head of a line expires, the agenda has the number at the time of the next."""
    head, later = account.submit(expires=60), account.submit(countdown=600)
    account.clock.advance(MINUTE)
    assert account.expire() == [head]
    assert account.due(later) == account.clock.now + 9 * MINUTE


def test_deadlines_run_while_the_account_is_paused(account: Account) -> None:
    """Deadlines run while the account is paused."""
    id_ = account.submit(expires=60)
    account.ledger.pause("maintenance")
    account.clock.advance(MINUTE)
    assert account.expire() == [id_]


@pytest.mark.parametrize("swept", [True, False])
def test_a_deadline_before_the_countdown_ends_it_uncalled(account: Account, *, swept: bool) -> None:
    """A notification whose deadline comes before its countdown is over is never called, whether a sweep is first."""
    id_ = account.submit(expires=60, countdown=600)
    account.clock.advance(HOUR)
    assert list(account.sweep().expired if swept else account.grant().expired) == [id_]
    assert account.due(id_) is None
    assert account.grant().grants == ()


def test_a_sweep_takes_so_many_the_earliest_deadlines_first(account: Account) -> None:
    """The next sweep takes the next ones."""
    ids = [account.submit(other_number(number), expires=number + 1) for number in range(5)]
    account.clock.advance(MINUTE)
    assert [account.expire(most=2) for _ in range(3)] == [ids[:2], ids[2:4], ids[4:]]


def test_what_has_ended_does_not_expire(account: Account) -> None:
    """A deadline means nothing to a notification that has ended."""
    accepted, dead, cancelled = (account.submit(other_number(number), expires=60) for number in range(3))
    account.call(accepted)
    account.call(dead, REFUSED)
    account.ledger.cancel(cancelled)
    account.clock.advance(SECOND + MINUTE)
    assert account.expire() == []
