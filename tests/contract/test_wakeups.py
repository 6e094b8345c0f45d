"""Wake-ups: a process that sleeps is woken for what it may begin, and for nothing else."""

from __future__ import annotations

import pytest

from tests.support.account import (
    ACCEPTED,
    GAP,
    MAINTENANCE,
    NO_BALANCE,
    REFUSED,
    URGENT,
    Account,
    other_number,
)
from tests.support.clock import MINUTE, SECOND
from voice_notify.domain.reasons import Reason
from voice_notify.domain.retry import Step, Window
from voice_notify.domain.states import State
from voice_notify.ledger import keys
from voice_notify.ledger.ledger import Settlement, Wakeup

NOBODY: list[Wakeup] = []
URGENT_ONLY, ORDINARY_ONLY, BOTH = [Wakeup.URGENT], [Wakeup.ORDINARY], [Wakeup.URGENT, Wakeup.ORDINARY]


@pytest.mark.parametrize(
    ("priority", "woken"), [(0, ORDINARY_ONLY), (URGENT - 1, ORDINARY_ONLY), (URGENT, URGENT_ONLY)]
)
def test_a_submit_wakes_for_its_priority(account: Account, priority: int, woken: list[Wakeup]) -> None:
    """A process that has room only for urgent calls listens only for these."""
    account.submit(priority=priority)
    assert account.woken() == woken


@pytest.mark.parametrize(("countdown", "woken"), [(1, ORDINARY_ONLY), (1.001, NOBODY), (600, NOBODY)])
def test_a_submit_for_later_is_left_to_the_sweep(account: Account, countdown: float, woken: list[Wakeup]) -> None:
    """Up to a second it wakes at once: the next sweep may be too late."""
    account.submit(countdown=countdown)
    assert account.woken() == woken


def test_what_cannot_be_called_yet_wakes_nobody(account: Account) -> None:
    """Whatever holds its number."""
    account.call(account.submit())
    account.woken()
    account.submit()
    assert account.woken() == NOBODY
    account.clock.advance(GAP - SECOND)
    account.submit(priority=9)
    assert account.woken() == URGENT_ONLY


def test_a_submit_to_a_paused_account_wakes_nobody(account: Account) -> None:
    """Nobody may call; the end of the pause wakes."""
    account.ledger.pause("a test")
    account.submit(priority=9)
    assert account.woken() == NOBODY


def test_what_stands_behind_another_wakes_nobody(account: Account) -> None:
    """Its number is on the agenda already, or in flight."""
    account.submit(id="head")
    account.woken()
    account.submit()
    assert account.woken() == NOBODY
    account.granted("head")
    account.submit(priority=9)
    assert account.woken() == NOBODY


def test_a_known_notification_wakes_nobody(account: Account) -> None:
    """Nothing new was stored."""
    account.submit(id="a", key="order-1")
    account.woken()
    account.submit(id="a")
    account.submit(key="order-1")
    assert account.woken() == NOBODY


def test_a_number_that_becomes_urgent_wakes_for_that(account: Account) -> None:
    """It waited as an ordinary one."""
    account.submit()
    account.woken()
    account.submit(priority=9)
    assert account.woken() == URGENT_ONLY


def test_something_urgent_that_joins_soon_wakes_for_that(account: Account) -> None:
    """Within a second of its submission, before its line is called."""
    account.submit()
    account.woken()
    account.submit(priority=9, countdown=1)
    assert Wakeup.URGENT in account.woken()


def test_a_line_that_goes_on_wakes_for_something_urgent_that_joins_soon(account: Account) -> None:
    """A settlement finds both: what is called next, and what becomes ready before the next sweep."""
    grant = account.granted(account.submit())
    account.submit()
    account.submit(priority=9, countdown=0.5)
    account.woken()
    account.settle(grant, REFUSED)
    assert account.woken() == BOTH


def test_one_wakeup_waits_at_most(account: Account) -> None:
    """However many are submitted: whoever is woken takes what it can, and wakes the next."""
    account.ledger.submit_many([account.notification(other_number(number)) for number in range(120)])
    account.submit()
    assert account.woken() == ORDINARY_ONLY


def test_a_process_that_is_full_wakes_another(account: Account) -> None:
    """For what is due and it has no room for: ordinary ones where only these are left."""
    for number in range(3):
        account.submit(other_number(number))
    account.woken()
    account.grant(2)
    assert account.woken() == ORDINARY_ONLY
    account.grant(2)
    assert account.woken() == NOBODY


def test_a_process_without_ordinary_room_wakes_another(account: Account) -> None:
    """It takes the urgent ones itself."""
    account.submit(other_number(1))
    account.submit(other_number(2), priority=9)
    account.woken()
    account.grant(2, ordinary=0)
    assert account.woken() == ORDINARY_ONLY


def test_a_process_that_is_full_wakes_for_what_is_due_soon(account: Account) -> None:
    """Nobody else may have heard of it; what is due later is left to the sweep."""
    account.submit(other_number(1))
    account.submit(other_number(2), countdown=1)
    account.submit(other_number(3), priority=9, countdown=1.5)
    account.woken()
    account.grant(1)
    assert account.woken() == ORDINARY_ONLY
    account.clock.advance(SECOND // 2)
    account.submit(other_number(4), priority=9)
    account.woken()
    account.grant(1)
    assert account.woken() == BOTH


def test_a_process_with_room_wakes_nobody(account: Account) -> None:
    """It has taken all there is."""
    for number in range(3):
        account.submit(other_number(number))
    account.woken()
    account.grant(4)
    assert account.woken() == NOBODY


def test_a_settlement_wakes_for_the_next_in_line(account: Account) -> None:
    """Where that can be called now: a refused call was none. After another, its gap comes first."""
    account.submit(id="first")
    account.submit(id="second", priority=0)
    grant = account.granted("first")
    account.woken()
    account.settle(grant, REFUSED)
    assert account.woken() == ORDINARY_ONLY
    account.submit()
    account.call("second", ACCEPTED)
    assert account.woken() == NOBODY


@pytest.mark.parametrize(("backoff_ms", "woken"), [(1000, URGENT_ONLY), (1001, NOBODY)])
def test_a_settlement_wakes_for_a_backoff_that_is_soon_over(
    account: Account, backoff_ms: int, woken: list[Wakeup]
) -> None:
    """Nobody else may have heard of it; after a longer one, a sweep wakes."""
    grant = account.granted(account.submit(priority=9))
    account.woken()
    step = Step(State.WAITING, Reason.BACKOFF, Window.RELEASE, account.clock.now + backoff_ms)
    account.ledger.settle([Settlement(grant.id, grant.token, MAINTENANCE, step)])
    assert account.woken() == woken


def test_a_withdrawn_head_wakes_for_the_next(account: Account) -> None:
    """The next in line is due at once."""
    account.submit(id="head", priority=9)
    account.submit()
    account.woken()
    account.ledger.cancel("head")
    assert account.woken() == ORDINARY_ONLY


def test_a_replay_wakes(account: Account) -> None:
    """It is due at once."""
    id_ = account.submit(priority=8)
    account.call(id_, REFUSED)
    account.woken()
    account.dead_letters.replay([id_], expires=60)
    assert account.woken() == URGENT_ONLY


def test_a_resumed_account_wakes_both_kinds(account: Account) -> None:
    """All that became due meanwhile is called at once; the pause itself wakes nobody."""
    account.submit()
    account.woken()
    account.ledger.pause("maintenance")
    assert account.woken() == NOBODY
    account.clock.advance(MINUTE)
    account.ledger.resume()
    assert account.woken() == BOTH


def test_an_accepted_probe_wakes_both_kinds(account: Account) -> None:
    """It resumes the account."""
    account.call(account.submit(other_number(1)), NO_BALANCE)
    account.submit(other_number(2))
    account.clock.advance(MINUTE)
    (probe,) = account.grant().grants
    account.woken()
    account.settle(probe, ACCEPTED)
    assert account.woken() == BOTH


def test_units_given_back_wake_both_kinds(account: Account) -> None:
    """They end the pause of a spent budget."""
    account.configure(daily_budget=1)
    grant = account.granted(account.submit(other_number(1)))
    account.submit(other_number(2))
    account.begin_next()
    account.woken()
    account.settle(grant, REFUSED)
    assert account.woken() == BOTH


# What a process hears.


def test_a_wakeup_is_heard_by_one(account: Account) -> None:
    """Of those who listen for it, and once."""
    account.submit()
    assert account.ledger.wait_for_wakeup([Wakeup.URGENT], 0.01) is None
    assert account.ledger.wait_for_wakeup([Wakeup.URGENT, Wakeup.ORDINARY], 0.01) is Wakeup.ORDINARY
    assert account.ledger.wait_for_wakeup([Wakeup.URGENT, Wakeup.ORDINARY], 0.01) is None


def test_the_urgent_wakeup_is_heard_first(account: Account) -> None:
    """By whoever listens for both."""
    account.submit(other_number(1))
    account.submit(other_number(2), priority=9)
    both = [Wakeup.URGENT, Wakeup.ORDINARY]
    assert [account.ledger.wait_for_wakeup(both, 0.01) for _ in range(2)] == both


def test_a_wakeup_that_is_of_no_use_is_put_back(account: Account) -> None:
    """For another process."""
    account.ledger.wake(Wakeup.URGENT)
    assert account.woken() == URGENT_ONLY


@pytest.mark.parametrize("kind", [keys.WAKE, keys.WAKE_URGENT])
def test_a_damaged_list_of_wakeups_stops_nothing(account: Account, kind: str) -> None:
    """It costs time at most: what was done stays done, and is answered."""
    account.client.set(account.prefix + kind, "not a list")
    id_ = account.submit(priority=9 if kind == keys.WAKE_URGENT else 0)
    account.ledger.pause("a while")
    account.ledger.resume()
    account.sweep()
    grant = account.granted(id_)
    assert account.settle(grant, ACCEPTED) == "accepted"
