"""What operators read: notifications by state, one number, and how the account stands."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.account import (
    ACCEPTED,
    COOLDOWN,
    GAP,
    LEASE,
    LIMITS,
    MAINTENANCE,
    MOBILE,
    NO_BALANCE,
    REFUSED,
    TOMORROW,
    UNCONFIRMED,
    Account,
    other_number,
)
from tests.support.clock import DAY, HOUR, MINUTE, SECOND
from voice_notify.domain.reasons import Reason
from voice_notify.domain.states import State
from voice_notify.ledger import listing
from voice_notify.ledger.account_status import read_account_status
from voice_notify.ledger.listing import Ended, Listing, Wanted
from voice_notify.ledger.numbers import NumberView, Place, read_number

EVERY = Wanted()


def listing_of(account: Account) -> Listing:
    return Listing(account.ledger.scripts)


def waiting(account: Account, wanted: Wanted = EVERY) -> list[str]:
    """The ids of those that wait, as listed."""
    return [each.id for each in listing_of(account).waiting(wanted)]


def ended(account: Account, state: State, wanted: Wanted = EVERY, limit: int = 100) -> Ended:
    """Those of a final state, as listed by a scan that nobody stops."""
    return listing_of(account).ended(state, wanted, limit, show=lambda *_: None, stopped=lambda: False)


def view(account: Account, mobile: str = MOBILE, most: int = 100) -> NumberView:
    """One number."""
    return read_number(account.ledger.scripts, mobile, most=most)


# By state.


def test_those_that_wait_come_by_due_time_and_place_in_line(account: Account) -> None:
    """Waiting ones come by the time at which their number is due, each number's in the order of its line."""
    account.submit(other_number(1), id="later", countdown=600)
    account.submit(other_number(2), id="low")
    account.submit(other_number(2), id="beside", countdown=10)
    account.submit(other_number(2), id="high", priority=9)
    account.granted(account.submit(other_number(3)))
    account.submit(other_number(3), id="behind")
    assert waiting(account) == ["high", "low", "beside", "behind", "later"]


def test_nothing_is_listed_where_nothing_is_open(account: Account) -> None:
    """Where nothing is open, nothing is listed."""
    account.call(account.submit(), ACCEPTED)
    assert waiting(account) == []
    assert list(listing_of(account).calling(EVERY)) == []


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Wanted(reason="not_before"), ["late"]),
        (Wanted(mobile=other_number(2)), ["late"]),
        (Wanted(mobile=other_number(9)), []),
        (Wanted(template_id="453662"), ["soon", "late"]),
        (Wanted(template_id="453715"), []),
        (Wanted(mobile=other_number(1), reason="not_before"), []),
    ],
    ids=repr,
)
def test_only_what_matches_all_that_is_asked_for_is_listed(account: Account, wanted: Wanted, found: list[str]) -> None:
    """Only those that match all that is asked for are listed."""
    account.submit(other_number(1), id="soon")
    account.submit(other_number(2), id="late", countdown=600)
    assert waiting(account, wanted) == found


def test_those_in_flight_come_by_the_end_of_their_lease(account: Account) -> None:
    """Calls in flight come by the time at which their lease runs out."""
    account.submit(other_number(1), id="second")
    account.submit(other_number(2), id="first")
    account.granted("first")
    account.clock.advance(SECOND)
    account.granted("second")
    assert [each.id for each in listing_of(account).calling(EVERY)] == ["first", "second"]
    assert [each.id for each in listing_of(account).calling(Wanted(mobile=other_number(1)))] == ["second"]


def test_those_that_ended_come_newest_first_and_are_all_counted(account: Account) -> None:
    """Those of a final state are found by a scan, the newest first, all counted and a few shown."""
    for number in range(5):
        account.submit(other_number(number), id=f"n{number}")
        account.call(f"n{number}", ACCEPTED)
    account.call(account.submit(), REFUSED)
    account.ledger.cancel(account.submit(id="gone"))
    found = ended(account, State.ACCEPTED, limit=2)
    assert ([each.id for each in found.newest], found.total, found.complete) == (["n4", "n3"], 5, True)
    assert [each.id for each in ended(account, State.CANCELLED).newest] == ["gone"]
    assert ended(account, State.ACCEPTED, Wanted(mobile=other_number(3))).newest[0].id == "n3"
    assert ended(account, State.EXPIRED) == Ended((), 0, complete=True)


def test_another_account_is_not_looked_into(account: Account) -> None:
    """A scan sees only the account's own notifications."""
    other = Account(account.client, "test2")
    other.call(other.submit(), ACCEPTED)
    assert ended(account, State.ACCEPTED).total == 0


def test_what_takes_several_round_trips_is_listed_whole_and_in_order(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What takes several round trips is listed whole, each one once, in order."""
    monkeypatch.setattr(listing, "_CHUNK", 3)
    ids = [account.submit(other_number(number), id=f"n{number}", countdown=number) for number in range(10)]
    assert waiting(account) == ids
    account.clock.advance(MINUTE)
    for id_ in ids:
        account.call(id_, ACCEPTED)
    assert [each.id for each in ended(account, State.ACCEPTED).newest] == ids[::-1]


def test_what_a_scan_sees_twice_is_listed_once(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that the scan sees twice, as it may while Redis resizes its table, is listed once."""
    account.call(account.submit(id="n1"), ACCEPTED)
    scan = account.client.scan

    def twice(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - redis-py's
        cursor, found = scan(*arguments, **options)
        return cursor, found * 2

    monkeypatch.setattr(account.client, "scan", twice)
    assert [each.id for each in ended(account, State.ACCEPTED).newest] == ["n1"]


def test_a_stopped_scan_says_that_it_is_not_complete(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """A scan that a person stops tells what it has found, and that this is not all."""
    monkeypatch.setattr(listing, "_CHUNK", 3)
    for number in range(40):
        account.call(account.submit(other_number(number)), ACCEPTED)
    shown: list[tuple[int, float | None]] = []
    found = listing_of(account).ended(
        State.ACCEPTED, EVERY, 100, show=lambda *each: shown.append(each), stopped=lambda: bool(shown)
    )
    assert (found.complete, len(shown)) == (False, 1)
    assert found.total < 40


# One number.


def test_a_number_never_called_may_be_called_now(account: Account) -> None:
    """A number that nobody called has all its calls left and may be called now."""
    found = view(account)
    assert (found.calls, found.left, found.reason, found.free_ms) == ((), 5, Reason.NEW, account.clock.now)
    assert (found.line, found.open, found.pause, found.hold_ms) == ((), 0, None, 0)


def test_after_a_call_the_gap_says_when_the_number_is_free(account: Account) -> None:
    """After a call, the gap says when the next is free."""
    account.call(account.submit())
    called = account.clock.now
    account.clock.advance(SECOND)
    found = view(account)
    assert (found.calls, found.left, found.reason, found.free_ms) == ((called,), 4, Reason.GAP, called + GAP)


def test_after_a_days_calls_the_first_to_leave_the_window_frees_the_number(account: Account) -> None:
    """After the last call of the day, the first one that leaves the window says when the next is free."""
    call_times = []
    for _ in range(5):
        account.call(account.submit())
        call_times.append(account.clock.now)
        account.clock.advance(HOUR)
    found = view(account)
    assert (found.calls, found.left, found.reason) == (tuple(call_times), 0, Reason.DAILY)
    assert found.free_ms == call_times[0] + LIMITS.window_ms
    account.clock.set(call_times[1] + LIMITS.window_ms)
    found = view(account)
    assert (found.calls, found.left, found.reason) == (tuple(call_times[2:]), 2, Reason.NEW)


def test_the_hold_of_a_606_is_shown_until_midnight(account: Account) -> None:
    """A 606 holds the number until midnight in China, and that is said."""
    account.call(account.submit(), TOMORROW)
    found = view(account)
    midnight = account.clock.now - SECOND + 12 * HOUR
    assert (found.reason, found.hold_ms, found.free_ms, found.left) == (Reason.QUOTA, midnight, midnight, 5)
    account.clock.set(midnight)
    assert (view(account).hold_ms, view(account).reason) == (0, Reason.NEW)


def test_each_of_a_line_has_its_place_and_its_due_time(account: Account) -> None:
    """Each of a line has its place, and the moment at which it will be called, as `explain` has it."""
    account.submit(id="beside", countdown=60)
    account.submit(id="low")
    account.submit(id="high", priority=9)
    account.granted("high")
    account.submit(id="second", priority=3)
    found = view(account)
    assert [(each.record.id, each.place) for each in found.line] == [
        ("high", Place.ON_THE_WIRE),
        ("second", Place.IN_LINE),
        ("low", Place.IN_LINE),
        ("beside", Place.SCHEDULED),
    ]
    assert (found.reason, found.open) == (Reason.IN_FLIGHT, 4)
    assert [each.due_ms for each in found.line] == [account.explain(each.record.id).due_ms for each in found.line]
    assert found.line[0].due_ms == account.clock.now + LEASE


def test_of_a_long_line_the_first_are_shown_and_all_are_counted(account: Account) -> None:
    """Of a long line the first are shown and all are counted."""
    ids = [account.submit() for _ in range(5)]
    found = view(account, most=2)
    assert ([each.record.id for each in found.line], found.open) == (ids[:2], 5)


def test_a_backoff_is_scheduled_and_a_deadline_that_comes_first_has_no_call(account: Account) -> None:
    """The first is called after its backoff, the other never."""
    account.submit(id="again")
    account.call("again", MAINTENANCE)
    account.submit(id="now")
    account.submit(id="too_late", expires=5)
    assert [(each.record.id, each.place, each.due_ms) for each in view(account).line] == [
        ("now", Place.IN_LINE, account.clock.now),
        ("too_late", Place.IN_LINE, None),
        ("again", Place.SCHEDULED, account.clock.now + GAP),
    ]


def test_under_a_pause_the_probes_time_counts_and_by_hand_none_is_known(account: Account) -> None:
    """Under the breaker's pause the probe's time counts; under a pause by hand nobody knows."""
    account.call(account.submit(other_number(1)), NO_BALANCE)
    account.submit(id="n1")
    found = view(account)
    assert (found.reason, found.free_ms) == (Reason.PAUSED, account.clock.now)
    assert found.line[0].due_ms == account.clock.now + COOLDOWN
    account.ledger.pause("by hand")
    assert view(account).line[0].due_ms is None


# The account.


def test_the_account_status_is_of_one_moment(account: Account) -> None:
    """Numbers that are due, refusals in a row and the workers alive are read together."""
    account.claim(worker="w2")
    account.claim(worker="w1")
    for number in range(2):
        account.call(account.submit(other_number(number)), REFUSED)
    account.submit()
    account.submit(other_number(5), countdown=60)
    found = read_account_status(account.ledger.scripts)
    assert (found.now_ms, found.pause, found.due) == (account.clock.now, None, 1)
    assert (found.run, found.run_code, found.workers) == (2, "400", ("w1", "w2"))
    assert (found.counts[State.DEAD], found.counts[State.WAITING]) == (2, 2)
    account.call(account.submit(other_number(8)), ACCEPTED)
    account.clock.advance(DAY)
    found = read_account_status(account.ledger.scripts)
    assert (found.run, found.run_code, found.workers) == (0, "", ())


def test_units_of_one_day_are_told_without_refused_calls(account: Account) -> None:
    """A day in China: at midnight nothing is spent."""
    for number, outcome in enumerate((ACCEPTED, UNCONFIRMED, REFUSED)):
        account.call(account.submit(other_number(number)), outcome)
    assert read_account_status(account.ledger.scripts).spent == 2
    account.clock.advance(DAY)
    assert read_account_status(account.ledger.scripts).spent == 0
