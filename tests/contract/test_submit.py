"""Submitting: what is stored, once, and in which order it is called."""

from __future__ import annotations

import pytest

from tests.support.account import (
    ACCEPTED,
    GAP,
    LEASE,
    LIMITS,
    MOBILE,
    RETENTION,
    TOMORROW,
    Account,
    other_number,
)
from tests.support.clock import DAY, HOUR, MINUTE, NOON, SECOND
from voice_notify.domain.notification import OnUnconfirmed, build_notification
from voice_notify.domain.states import State
from voice_notify.errors import LineFull, UnknownNotification
from voice_notify.ledger import keys, scripts
from voice_notify.ledger.contracts import Submission


def test_a_submitted_notification_is_stored_with_all_that_was_asked(account: Account) -> None:
    """A submitted notification waits in the ledger with all that was asked for."""
    id_ = account.submit(params=("张三", "3号楼"), priority=4, expires=60)
    record = account.explain(id_).record
    assert (record.id, record.mobile, record.template_id, record.params) == (id_, MOBILE, "453662", ("张三", "3号楼"))
    assert (record.state, record.priority, record.attempts) == (State.WAITING, 4, 0)
    assert (record.created_ms, record.deadline_ms) == (account.clock.now, account.clock.now + MINUTE)
    assert account.ledger.counts()[State.WAITING] == 1


def test_without_expires_the_default_deadline_counts(account: Account) -> None:
    """Without `expires`, the settings' `default_expires` counts from the submission."""
    account.configure(default_expires_ms=DAY)
    record = account.explain(account.submit()).record
    assert record.deadline_ms == record.created_ms + DAY


def test_an_empty_line_lets_the_call_begin_at_once(account: Account) -> None:
    """An empty line lets the call begin at once."""
    submission = account.submission(id="a")
    assert (submission.id, submission.duplicate) == ("a", False)
    assert account.explain("a").eta_ms == account.clock.now


def test_the_eta_counts_the_calls_before_and_those_ahead(account: Account) -> None:
    """The eta counts the calls that were placed and those ahead: one gap for each, a day after five."""
    first = account.submit()
    account.call(first)
    last_call = account.clock.now
    etas = [account.explain(account.submit()).eta_ms for _ in range(5)]
    assert etas == [last_call + number * GAP for number in range(1, 5)] + [last_call + LIMITS.window_ms]


def test_a_known_id_changes_nothing(account: Account) -> None:
    """A second submission with the same id stores nothing and changes nothing."""
    account.submit(id="a", priority=3)
    again = account.submission(id="a", priority=9, countdown=60)
    assert (again.id, again.duplicate) == ("a", True)
    assert account.explain("a").record.priority == 3
    assert account.ledger.counts()[State.WAITING] == 1


def test_a_known_key_returns_the_first_notification(account: Account) -> None:
    """A second submission with the same key stores nothing and returns the first's id."""
    account.submit(id="a", key="order-8812")
    again = account.submission(id="b", key="order-8812")
    assert (again.id, again.duplicate) == ("a", True)
    with pytest.raises(UnknownNotification):
        account.explain("b")
    assert account.ledger.counts()[State.WAITING] == 1


def test_a_key_outlives_its_notification(account: Account) -> None:
    """A key that belongs to a final notification still returns its id."""
    account.submit(id="a", key="order-8812")
    account.call("a")
    assert account.submission(key="order-8812").id == "a"


def test_a_key_is_known_for_its_retention_and_no_longer(account: Account) -> None:
    """A notification that ends at once keeps its key for `retention`, whatever is submitted with it meanwhile."""
    first = account.submit(key="order-8812")
    account.call(first, takes=0)
    account.clock.advance(RETENTION - SECOND)
    again = account.submission(key="order-8812")
    assert (again.id, again.duplicate) == (first, True)
    account.clock.advance(MINUTE)
    assert not account.client.exists(account.prefix + keys.IDEMPOTENCY + "order-8812")
    anew = account.submission(key="order-8812")
    assert (anew.id == first, anew.duplicate) == (False, False)


def test_another_key_or_none_is_another_notification(account: Account) -> None:
    """Another key, or none, is another notification."""
    ids = {account.submit(key="order-1"), account.submit(key="order-2"), account.submit(), account.submit()}
    assert len(ids) == 4


def test_a_full_line_refuses_the_next_and_keeps_nothing_of_it(account: Account) -> None:
    """A line of `max_line` open notifications refuses the next, and nothing of that one is kept."""
    account.configure(max_line=2)
    for id_ in "ab":
        account.submit(id=id_, key=id_)
    with pytest.raises(LineFull):
        account.submit(id="c", key="c")
    with pytest.raises(UnknownNotification):
        account.explain("c")
    assert account.ledger.counts()[State.WAITING] == 2
    assert account.submission(key="a").duplicate  # what is there already is not refused
    assert not account.submission(other_number(1), id="c", key="c").duplicate


@pytest.mark.parametrize("leaves", ["accepted", "cancelled"])
def test_what_leaves_a_full_line_makes_room(account: Account, leaves: str) -> None:
    """A notification that leaves its line makes room for another; one in flight does not."""
    account.configure(max_line=1)
    account.submit(id="a")
    if leaves == "cancelled":
        account.ledger.cancel("a")
    else:
        grant = account.granted("a")
        with pytest.raises(LineFull):
            account.submit(id="b")
        account.settle(grant, ACCEPTED)
    assert account.submit(id="b") == "b"


def test_a_full_line_refuses_only_its_own_of_a_bulk(account: Account) -> None:
    """In a bulk, a full line is the result of the notification that met it; the others are stored."""
    account.configure(max_line=1)
    numbers = [MOBILE, MOBILE, other_number(1)]
    batch = [
        build_notification(mobile, "453662", id=id_, templates={}) for id_, mobile in zip("abc", numbers, strict=True)
    ]
    first, second, third = account.ledger.submit_many(batch)
    assert isinstance(first, Submission)
    assert isinstance(second, LineFull)
    assert isinstance(third, Submission)
    assert (first.id, third.id) == ("a", "c")


@pytest.mark.parametrize("are_forgotten", [False, True])
def test_more_than_a_script_takes_at_once_are_stored_in_order(
    account: Account, monkeypatch: pytest.MonkeyPatch, *, are_forgotten: bool
) -> None:
    """They go in groups in one round trip; a Redis that has forgotten the script stores each all the same, once."""
    monkeypatch.setattr(scripts, "_ITEMS_AT_ONCE", 2)
    batch = [build_notification(MOBILE, "453662", id=id_, templates={}) for id_ in "abcde"]
    account.submit(other_number(1))
    if are_forgotten:
        account.client.script_flush()
    submitted = account.ledger.submit_many(batch)
    assert [each.id for each in submitted if isinstance(each, Submission)] == ["a", "b", "c", "d", "e"]
    assert account.ledger.counts()[State.WAITING] == 6
    assert account.call_order("a", 5) == ["a", "b", "c", "d", "e"]


def test_equal_priorities_are_called_in_order_of_submission(account: Account) -> None:
    """Notifications of one priority are called in the order of their submission."""
    for id_ in "abcd":
        account.submit(id=id_)
    assert account.call_order("a", 4) == ["a", "b", "c", "d"]


def test_a_higher_priority_goes_first(account: Account) -> None:
    """A higher priority goes first: 9 before 0."""
    for id_, priority in zip("abcde", (0, 9, 3, 9, 8), strict=True):
        account.submit(id=id_, priority=priority)
    assert account.call_order("a", 5) == ["b", "d", "e", "c", "a"]


def test_a_countdown_is_over_before_the_call(account: Account) -> None:
    """A notification with a countdown is called when that is over, not before."""
    id_ = account.submit(countdown=600)
    account.granted_exactly_at(account.clock.now + 10 * MINUTE, id_)


def test_a_countdown_lets_those_behind_it_pass(account: Account) -> None:
    """A notification that is scheduled lets others pass, whatever its priority."""
    account.submit(id="later", countdown=600, priority=9)
    account.submit(id="now")
    assert account.granted("later").id == "now"


def test_after_its_countdown_it_has_the_place_of_its_priority(account: Account) -> None:
    """A notification whose countdown is over joins the line at the place of its priority and submission."""
    account.submit(id="later", countdown=40)
    account.submit(id="urgent-later", countdown=40, priority=1)
    account.clock.advance(SECOND)
    for id_ in "ab":
        account.submit(id=id_)
    account.call("a")
    account.clock.advance(GAP + 10 * SECOND)
    assert account.call_order("b", 3) == ["urgent-later", "later", "b"]


def test_the_earliest_of_two_countdowns_is_due_first(account: Account) -> None:
    """The agenda has the number at the earliest time at which one of its notifications may be called."""
    account.submit(countdown=600)
    sooner = account.submit(countdown=60)
    assert account.granted_exactly_at(account.clock.now + MINUTE, sooner).id == sooner


def test_nothing_stands_before_a_call_in_flight(account: Account) -> None:
    """Nothing stands before a call in flight, and the line is looked at when that call's lease runs out."""
    account.granted(account.submit())
    for countdown in (0, 1):
        id_ = account.submit(priority=9, countdown=countdown)
        assert account.due(id_) == account.clock.now + LEASE


def test_its_own_policy_reaches_the_worker(account: Account) -> None:
    """A notification's own `on_unconfirmed` reaches the worker with the grant."""
    own = account.submit(on_unconfirmed="assume_sent")
    settings = account.submit(other_number(1))
    assert account.granted(own).attempt.on_unconfirmed is OnUnconfirmed.ASSUME_SENT
    assert account.granted(settings).attempt.on_unconfirmed is None


def test_the_eta_of_a_countdown_counts_only_those_before_it_then(account: Account) -> None:
    """Those ahead are called while a countdown runs; those of a lower priority are behind when it is over."""
    for _ in range(4):
        account.submit()
    etas = []
    for countdown, priority in ((600, 0), (50, 9), (50, 0)):
        id_ = account.submit(countdown=countdown, priority=priority)
        etas.append(account.explain(id_).eta_ms)
        account.ledger.cancel(id_)
    assert etas == [account.clock.now + wait for wait in (10 * MINUTE, 2 * GAP, 4 * GAP)]


def test_the_eta_of_a_held_number_is_after_its_hold(account: Account) -> None:
    """A number that 606 holds is not called before its hold is over."""
    account.call(account.submit(), TOMORROW)
    assert account.explain(account.submit()).eta_ms == NOON + 12 * HOUR + GAP
