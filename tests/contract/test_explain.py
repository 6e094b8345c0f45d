"""Explaining: for every notification, why it is where it is, what is before it, and when its next step is due."""

from __future__ import annotations

import pytest

from tests.support.account import (
    ACCEPTED,
    BACKOFF,
    COOLDOWN,
    GAP,
    LEASE,
    LIMITS,
    MAINTENANCE,
    NO_BALANCE,
    TOMORROW,
    UNCONFIRMED,
    Account,
    other_number,
)
from tests.support.clock import HOUR, MINUTE, NOON, SECOND
from voice_notify.domain.reasons import Reason
from voice_notify.domain.states import State
from voice_notify.errors import UnknownNotification
from voice_notify.ledger.explanation import Transition


def blocked_by(account: Account, id_: str) -> tuple[str, int | None, int]:
    """What blocks it now, when its next step is due, and how many are ahead."""
    explained = account.explain(id_)
    return explained.reason, explained.due_ms, explained.ahead


def test_the_first_of_a_free_line_is_called_next(account: Account) -> None:
    """The first of a free line is called next."""
    assert blocked_by(account, account.submit()) == (Reason.NEW, NOON, 0)


def test_those_behind_a_call_wait_one_gap_each(account: Account) -> None:
    """Those behind a call wait one gap each."""
    ids = [account.submit() for _ in range(3)]
    account.call(ids[0])
    called = account.clock.now
    assert blocked_by(account, ids[1]) == (Reason.GAP, called + GAP, 0)
    assert blocked_by(account, ids[2]) == (Reason.GAP, called + 2 * GAP, 1)


def test_those_behind_a_free_head_wait_for_the_gap_after_it(account: Account) -> None:
    """Those behind the first of a free line wait for the gap after it."""
    account.submit()
    assert blocked_by(account, account.submit()) == (Reason.GAP, NOON + GAP, 1)


def test_a_call_in_flight_counts_as_one_ahead(account: Account) -> None:
    """Behind a call in flight nothing begins before its gap; the call counts as one ahead."""
    account.granted(account.submit())
    second, third = account.submit(), account.submit()
    assert blocked_by(account, second) == (Reason.IN_FLIGHT, NOON + GAP, 1)
    assert blocked_by(account, third) == (Reason.IN_FLIGHT, NOON + 2 * GAP, 2)


def test_the_next_step_of_a_call_in_flight_is_the_end_of_its_lease(account: Account) -> None:
    """The next step of a call in flight is due when its lease runs out."""
    id_ = account.submit()
    account.granted(id_)
    assert blocked_by(account, id_) == ("attempt", NOON + LEASE, 0)


def test_the_sixth_of_a_day_waits_until_the_first_is_a_window_ago(account: Account) -> None:
    """After five calls the sixth waits until the first is a window ago."""
    ids = [account.submit() for _ in range(7)]
    for _ in range(5):
        account.call(ids[0])
        account.clock.advance(HOUR)
    first_call = NOON + SECOND
    assert blocked_by(account, ids[5]) == (Reason.DAILY, first_call + LIMITS.window_ms, 0)
    assert blocked_by(account, ids[6]) == (Reason.DAILY, first_call + LIMITS.window_ms + HOUR + SECOND, 1)


def test_a_refused_notification_waits_for_the_end_of_its_backoff(account: Account) -> None:
    """A notification that was refused for now waits for the end of its backoff."""
    id_ = account.submit()
    account.call(id_, MAINTENANCE)
    assert blocked_by(account, id_) == (Reason.BACKOFF, account.clock.now + BACKOFF, 0)
    account.clock.advance(BACKOFF)
    assert blocked_by(account, id_) == (Reason.NEW, account.clock.now, 0)


def test_a_countdown_is_waited_for(account: Account) -> None:
    """A notification with a countdown waits for its end."""
    id_ = account.submit(countdown=60)
    assert blocked_by(account, id_) == (Reason.NOT_BEFORE, NOON + MINUTE, 0)
    account.clock.advance(MINUTE)
    assert blocked_by(account, id_) == (Reason.NEW, NOON + MINUTE, 0)


def test_those_ahead_delay_a_countdown_only_beyond_its_end(account: Account) -> None:
    """Those ahead of a countdown are called while it runs: they delay it only as far as they reach beyond it."""
    for _ in range(2):
        account.submit()
    soon, later = account.submit(countdown=10), account.submit(countdown=600)
    assert blocked_by(account, soon) == (Reason.NOT_BEFORE, NOON + 2 * GAP, 2)
    assert blocked_by(account, later) == (Reason.NOT_BEFORE, NOON + 10 * MINUTE, 3)


def test_a_held_number_waits_for_the_providers_next_day(account: Account) -> None:
    """A number that 606 holds waits for the provider's next day, and one gap for each ahead."""
    ids = [account.submit() for _ in range(2)]
    account.call(ids[0], TOMORROW)
    assert blocked_by(account, ids[0]) == (Reason.QUOTA, NOON + 12 * HOUR, 0)
    assert blocked_by(account, ids[1]) == (Reason.QUOTA, NOON + 12 * HOUR + GAP, 1)


def test_a_paused_account_waits_for_its_probe_or_a_person(account: Account) -> None:
    """While the account is paused, the next look is the probe's, or a person's."""
    account.call(account.submit(other_number(1)), NO_BALANCE)
    id_ = account.submit()
    explained = account.explain(id_)
    assert blocked_by(account, id_) == (Reason.PAUSED, NOON + SECOND + COOLDOWN, 0)
    assert explained.pause == account.ledger.account()
    account.ledger.pause("new contract")
    assert blocked_by(account, id_) == (Reason.PAUSED, None, 0)


def test_the_next_step_is_to_expire_where_the_deadline_comes_first(account: Account) -> None:
    """The next step of a notification that cannot be called before its deadline is to expire then."""
    ids = [account.submit(), account.submit(expires=3600)]
    account.call(ids[0], TOMORROW)
    assert blocked_by(account, ids[1]) == (Reason.QUOTA, NOON + HOUR, 1)


def test_a_resend_waits_for_the_gap(account: Account) -> None:
    """A resend waits for the gap after the call that may have been placed."""
    id_ = account.submit()
    account.call(id_, UNCONFIRMED)
    assert blocked_by(account, id_) == (Reason.GAP, account.clock.now + GAP, 0)


@pytest.mark.parametrize("end", [State.ACCEPTED, State.CANCELLED, State.EXPIRED])
def test_what_has_ended_has_no_next_step(account: Account, end: State) -> None:
    """What has ended has no next step, and nothing ahead, though others may still wait for its number."""
    id_ = account.submit(expires=60)
    account.submit()
    match end:
        case State.ACCEPTED:
            account.call(id_, ACCEPTED)
        case State.CANCELLED:
            account.ledger.cancel(id_)
        case State.EXPIRED:
            account.clock.advance(MINUTE)
            account.expire()
    reason, due, ahead = blocked_by(account, id_)
    assert (account.state(id_), due, ahead) == (end, None, 0)
    assert reason == account.explain(id_).record.reason


def test_the_history_has_each_transition_with_time_reason_and_detail(account: Account) -> None:
    """The detail is the provider's code and `msg`, or what a person or a worker did."""
    id_ = account.submit()
    account.call(id_, MAINTENANCE)
    account.clock.advance(BACKOFF)
    grant = account.granted(id_)
    account.ledger.cancel(id_)
    account.clock.advance(SECOND)
    account.settle(grant, UNCONFIRMED)
    second = NOON + SECOND + BACKOFF
    assert account.explain(id_).history == (
        Transition(NOON, State.WAITING, "submitted", ""),
        Transition(NOON, State.CALLING, "attempt", "1"),
        Transition(NOON + SECOND, State.WAITING, "backoff", f"500 {MAINTENANCE.message}"),
        Transition(second, State.CALLING, "attempt", "2"),
        Transition(second, State.CALLING, "cancel", "asked for during the call"),
        Transition(second + SECOND, State.CANCELLED, "cancelled", "read-timeout no reply in time"),
    )


def test_explaining_an_unknown_notification_is_an_error(account: Account) -> None:
    """What is not known cannot be explained."""
    with pytest.raises(UnknownNotification):
        account.explain("unknown")


def test_the_due_time_comes_true(account: Account) -> None:
    """Each notification of a line is called when it was foretold, and after as many others, if calls take no time."""
    account.call(account.submit(), takes=0)
    line = [(0, 0), (0, 0), (100, 9), (0, 3), (40, 0), (0, 0), (100, 1), (90_000, 0), (0, 9), (20, 5)]
    ids = [account.submit(countdown=countdown, priority=priority) for countdown, priority in line]
    foretold = [(account.explain(id_).due_ms, account.explain(id_).ahead, id_) for id_ in ids]
    called: list[tuple[int | None, int, str]] = []
    while (due := account.due(ids[0])) is not None:
        account.clock.set(due)
        grant = account.begin(ids[0])
        if grant:
            called.append((account.clock.now, len(called), grant.id))
            account.settle(grant, ACCEPTED)
    assert called == sorted(foretold)
