"""What operators read: notifications by state, one number, and how the account stands."""

from __future__ import annotations

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
    RETENTION,
    TOMORROW,
    UNCONFIRMED,
    Account,
    other_number,
)
from tests.support.clock import DAY, HOUR, MINUTE, SECOND, TODAY
from voice_notify.domain.reasons import Reason
from voice_notify.domain.states import State
from voice_notify.ledger import paging
from voice_notify.ledger.account_status import read_account_status
from voice_notify.ledger.listing import Found, Listing, UnknownPlace, Wanted
from voice_notify.ledger.numbers import NumberView, Place, read_number
from voice_notify.ledger.scripts import Scripts

EVERY = Wanted()


@pytest.fixture(autouse=True)
def _one_clock(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists are read on the clock of the scripts."""
    monkeypatch.setattr(Scripts, "now_ms", lambda _: account.clock.now)


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a few notifications take several round trips."""
    monkeypatch.setattr(paging, "PAGE", 3)


def search(account: Account, state: State, wanted: Wanted = EVERY, limit: int = 100, after: str | None = None) -> Found:
    """What a search finds that nobody stops."""
    return Listing(account.ledger.scripts).find(state, wanted, limit, after)


def ids_of(found: Found) -> list[str]:
    """The ids of what was found."""
    return [each.id for each in found.records]


def listed(account: Account, state: State, wanted: Wanted = EVERY) -> list[str]:
    """The ids of all in a state that match."""
    found = search(account, state, wanted)
    assert (found.next, found.complete) == (None, True)
    return ids_of(found)


def turned_over(account: Account, state: State, limit: int) -> list[list[str]]:
    """The ids of all in a state, on pages of `limit`."""
    pages: list[list[str]] = []
    after = None
    while not pages or after is not None:
        found = search(account, state, limit=limit, after=after)
        pages.append(ids_of(found))
        after = found.next
    return pages


def waiting(account: Account, wanted: Wanted = EVERY) -> list[str]:
    """The ids of those that wait, as listed."""
    return listed(account, State.WAITING, wanted)


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
    assert listed(account, State.CALLING) == []


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
    assert listed(account, State.CALLING) == ["first", "second"]
    assert listed(account, State.CALLING, Wanted(mobile=other_number(1))) == ["second"]


def test_those_that_ended_come_newest_first(account: Account) -> None:
    """Each final state has those that came to it, the newest first; but the dead letters come oldest first."""
    for number in range(3):
        account.call(account.submit(other_number(number), id=f"n{number}"), ACCEPTED)
        account.call(account.submit(other_number(number + 10), id=f"d{number}"), REFUSED)
        account.ledger.resume()
    account.ledger.cancel(account.submit(id="gone"))
    assert listed(account, State.ACCEPTED) == ["n2", "n1", "n0"]
    assert listed(account, State.ACCEPTED, Wanted(mobile=other_number(1))) == ["n1"]
    assert listed(account, State.CANCELLED) == ["gone"]
    assert listed(account, State.EXPIRED) == []
    assert listed(account, State.DEAD) == ["d0", "d1", "d2"]


@pytest.mark.usefixtures("small_pages")
def test_what_ended_on_earlier_days_is_listed_as_long_as_it_is_kept(account: Account) -> None:
    """From today back to the day that `retention` ends on; what is not kept any more is left out."""
    began = account.clock.now
    for day in range(8):
        account.clock.set(began + day * DAY)
        for number in range(4):
            account.call(account.submit(other_number(number), id=f"day{day}_{number}"), takes=HOUR)
    # The first day's have passed it, but for the last of them.
    account.clock.set(began + 4 * HOUR + RETENTION - SECOND)
    kept = ["day0_3", *(f"day{day}_{number}" for day in range(1, 8) for number in range(4))]
    assert listed(account, State.ACCEPTED) == kept[::-1]


def test_another_account_is_not_looked_into(account: Account) -> None:
    """Accounts that share a Redis list their own."""
    other = Account(account.client, "test2")
    other.call(other.submit(), ACCEPTED)
    assert listed(account, State.ACCEPTED) == []


def some_in_each_state(account: Account) -> dict[State, list[str]]:
    """Ten notifications in each state, as a list has them."""
    ids = {state: [f"{state}{number}" for number in range(10)] for state in State}
    at = {id_: other_number(place) for place, id_ in enumerate(id_ for each in ids.values() for id_ in each)}
    for state, each in ids.items():
        for number, id_ in enumerate(each):
            # The first waiting ones share a number: a line that is longer than a page, and behind it short ones.
            mobile = at[each[0]] if state is State.WAITING and number < 7 else at[id_]
            account.submit(mobile, id=id_, expires=60 if state is State.EXPIRED else None)
            account.clock.advance(SECOND // 10)
    account.clock.advance(MINUTE)
    account.expire()
    for id_ in ids[State.ACCEPTED]:
        account.call(id_, ACCEPTED)
    for id_ in ids[State.DEAD]:
        account.call(id_, REFUSED)
        account.ledger.resume()
    for id_ in ids[State.CANCELLED]:
        account.ledger.cancel(id_)
    for id_ in ids[State.CALLING]:
        account.granted(id_)
    for state in (State.ACCEPTED, State.CANCELLED, State.EXPIRED):
        ids[state].reverse()
    return ids


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("limit", [1, 2, 3, 4, 7, 9, 10, 11])
def test_a_list_goes_on_where_the_page_before_ended(account: Account, limit: int) -> None:
    """Page after page each notification comes once, in order; the last page says that nothing is left."""
    for state, ids in some_in_each_state(account).items():
        pages = turned_over(account, state, limit)
        assert [id_ for page in pages for id_ in page] == ids, state
        assert [len(page) for page in pages[:-1]] == [limit] * (len(pages) - 1)


@pytest.mark.usefixtures("small_pages")
def test_what_leaves_between_two_pages_hides_none_of_the_others(account: Account) -> None:
    """The last one of a page was called, withdrawn, replayed: the next page begins behind it all the same."""
    ids = some_in_each_state(account)
    account.ledger.resume()
    places = {state: search(account, state, limit=4).next for state in State}
    account.call(ids[State.WAITING][0])
    for id_ in ids[State.WAITING][1:4]:
        account.ledger.cancel(id_)
    account.dead_letters.replay(ids[State.DEAD][2:4], expires=60)
    account.dead_letters.purge(ids[State.DEAD][:2])
    assert search(account, State.WAITING, after=places[State.WAITING]).records[0].id == ids[State.WAITING][4]
    assert ids_of(search(account, State.DEAD, after=places[State.DEAD])) == ids[State.DEAD][4:]
    assert ids_of(search(account, State.ACCEPTED, after=places[State.ACCEPTED])) == ids[State.ACCEPTED][4:]
    assert ids_of(search(account, State.CANCELLED, after=places[State.CANCELLED])) == ids[State.CANCELLED][4:]


@pytest.mark.usefixtures("small_pages")
def test_a_number_is_paged_through_its_line(account: Account) -> None:
    """One number's line alone."""
    some_in_each_state(account)
    mobile = account.explain("waiting0").record.mobile
    first = search(account, State.WAITING, Wanted(mobile=mobile), limit=4)
    rest = search(account, State.WAITING, Wanted(mobile=mobile), limit=4, after=first.next)
    assert ids_of(first) + ids_of(rest) == [f"waiting{number}" for number in range(7)]
    assert rest.next is None


@pytest.mark.parametrize(
    ("state", "after"),
    [
        *((state, after) for state in State for after in ("", "n1", "nan:n1", "x:n1", "1:", "1e:n1", "１:n1")),
        (State.ACCEPTED, "-1:3"),
        (State.ACCEPTED, "20240:-1"),
        (State.WAITING, "1:n1"),
        (State.WAITING, "1:2:nobody"),
    ],
)
def test_a_place_that_no_list_gave_is_refused(account: Account, state: State, after: str) -> None:
    """And so is one that leads to a notification which is not kept any more."""
    account.submit(id="n1")
    with pytest.raises(UnknownPlace):
        search(account, state, after=after)


@pytest.mark.parametrize(("after", "found"), [("999999:999999999999", ["n1"]), ("1:1", []), (f"{TODAY}:9", ["n1"])])
def test_a_place_out_of_bounds_costs_nothing(account: Account, after: str, found: list[str]) -> None:
    """Days of the future are passed over, as after a clock that went back; days long past hold nothing."""
    account.call(account.submit(id="n1"))
    assert ids_of(search(account, State.ACCEPTED, after=after)) == found


@pytest.mark.usefixtures("small_pages")
def test_a_stopped_search_says_where_to_go_on(account: Account) -> None:
    """It tells what it has found, that this is not all, and goes on behind what it had looked at."""
    for number in range(10):
        account.call(account.submit(other_number(number), id=f"n{number}"), ACCEPTED)
    wanted, shown = Wanted(mobile=other_number(2)), list[int]()
    listing = Listing(account.ledger.scripts)
    stopped = listing.find(State.ACCEPTED, wanted, 1, show=shown.append, stopped=lambda: len(shown) == 2)
    assert (stopped.records, stopped.complete, shown) == ((), False, [3, 6])
    again = listing.find(State.ACCEPTED, wanted, 1, stopped.next, show=shown.append)
    assert (ids_of(again), again.complete, shown) == (["n2"], True, [3, 6, 3])


@pytest.mark.usefixtures("small_pages")
def test_a_search_that_is_stopped_on_its_last_page_is_complete(account: Account) -> None:
    """There was nothing left to look at."""
    account.call(account.submit(), ACCEPTED)
    found = Listing(account.ledger.scripts).find(State.ACCEPTED, EVERY, 10, stopped=lambda: True)
    assert (len(found.records), found.next, found.complete) == (1, None, True)


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
    account.sweep(worker="w2")
    account.sweep(worker="w1")
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
