"""The dead letters: found, replayed and purged by people."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.account import (
    ACCEPTED,
    GAP,
    MAINTENANCE,
    MOBILE,
    POLICY,
    REFUSED,
    UNCLEAR,
    UNCONFIRMED,
    Account,
    other_number,
)
from tests.support.clock import DAY, HOUR, MINUTE, SECOND
from voice_notify.domain.reasons import Reason
from voice_notify.domain.states import State
from voice_notify.errors import UnknownNotification
from voice_notify.ledger import dead_letters, keys, paging
from voice_notify.ledger.contracts import DroppedLetter
from voice_notify.ledger.dead_letters import Filter, Replayed


def dead_letter(account: Account, mobile: str = MOBILE, **fields: object) -> str:
    """A dead letter; its number may be called at once."""
    id_ = account.submit(mobile, **fields)
    account.call(id_, REFUSED)
    return id_


def test_a_refused_notification_is_found_among_the_dead_letters(account: Account) -> None:
    """It has the provider's code and `msg`."""
    id_ = dead_letter(account)
    (letter,) = account.dead_letters.find(Filter())
    assert (letter.id, letter.state, letter.code, letter.message) == (id_, State.DEAD, "400", REFUSED.message)
    assert account.dead_letters.count() == 1


def test_only_the_dead_are_found_replayed_or_purged(account: Account) -> None:
    """What waits, is being called or ended otherwise is no dead letter."""
    waiting, accepted, cancelled = (account.submit(other_number(number)) for number in range(3))
    account.call(accepted)
    account.ledger.cancel(cancelled)
    account.granted(account.submit(other_number(3)))
    assert list(account.dead_letters.find(Filter())) == []
    assert account.dead_letters.replay([waiting, accepted, cancelled, "unknown"], expires=60).done == 0
    assert account.dead_letters.purge([waiting, accepted, cancelled, "unknown"]) == 0
    assert account.ledger.counts()[State.WAITING] == 1


@pytest.mark.parametrize(
    ("only", "found"),
    [
        (Filter(), ["bad", "odd"]),
        (Filter(code="400"), ["bad"]),
        (Filter(reason="unclear"), ["odd"]),
        (Filter(mobile=other_number(1)), ["odd"]),
        (Filter(template_id="453662"), ["bad", "odd"]),
        (Filter(template_id="1"), []),
        (Filter(code="999", reason="unclear", mobile=other_number(1), template_id="453662"), ["odd"]),
        (Filter(code="999", reason="refused"), []),  # all of the fields that are set
    ],
    ids=repr,
)
def test_a_filter_finds_what_matches_all_its_fields(account: Account, only: Filter, found: list[str]) -> None:
    """A filter finds the dead letters that match all its fields, the oldest first."""
    account.submit(id="bad")
    account.call("bad", REFUSED)
    account.submit(other_number(1), id="odd")
    account.call("odd", UNCLEAR)
    assert [letter.id for letter in account.dead_letters.find(only)] == found
    assert [letter.id for letter in account.dead_letters.find(only, limit=1)] == found[:1]


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a few dead letters take several round trips."""
    for module in dead_letters, paging:
        monkeypatch.setattr(module, "PAGE", 3)


@pytest.mark.usefixtures("small_pages")
def test_purging_while_reading_hides_none_of_the_others(account: Account) -> None:
    """Dead letters that are purged while they are being read hide none of the others."""
    ids = [dead_letter(account) for _ in range(8)]
    found = []
    for letter in account.dead_letters.find(Filter()):
        found.append(letter.id)
        account.dead_letters.purge([letter.id])
    assert found == ids
    assert account.dead_letters.count() == 0


@pytest.mark.usefixtures("small_pages")
def test_what_dies_while_others_are_read_is_left_out(account: Account) -> None:
    """One that is replayed and dies again meanwhile comes once, and reading comes to an end."""
    ids = [dead_letter(account) for _ in range(8)]
    found = []
    for letter in account.dead_letters.find(Filter()):
        found.append(letter.id)
        account.dead_letters.replay([letter.id], expires=60)
        account.call(letter.id, REFUSED)
    assert found == ids
    assert account.dead_letters.count() == len(ids)


def test_a_replayed_dead_letter_waits_as_if_submitted_now(account: Account) -> None:
    """A replayed dead letter waits in its line as if submitted now, with its history and a new deadline."""
    id_ = dead_letter(account, expires=60)
    account.clock.advance(DAY)
    assert account.dead_letters.replay([id_], expires=3600).done == 1
    explained = account.explain(id_)
    record = explained.record
    assert (record.state, record.attempts, record.ended_ms) == (State.WAITING, 0, None)
    assert record.deadline_ms == account.clock.now + HOUR
    assert (explained.reason, explained.due_ms) == (Reason.NEW, account.clock.now)
    assert [entry.state for entry in explained.history] == [
        State.WAITING,
        State.CALLING,
        State.DEAD,
        State.WAITING,
    ]
    assert account.dead_letters.count() == 0
    assert account.ledger.counts() == dict.fromkeys(State, 0) | {State.WAITING: 1}
    assert account.begin_next() == [id_]


def test_a_replay_is_no_way_around_the_windows(account: Account) -> None:
    """The calls that were, or may have been, placed before the replay still count."""
    id_ = account.submit()
    account.call(id_, UNCLEAR)
    called = account.clock.now
    account.dead_letters.replay([id_], expires=3600)
    account.granted_exactly_at(called + GAP, id_)


def test_a_replayed_dead_letter_stands_at_the_end_of_its_priority(account: Account) -> None:
    """A replayed notification stands behind those that were submitted before the replay, but for its priority."""
    low, high = dead_letter(account), dead_letter(account, priority=5)
    waiting = [account.submit(), account.submit()]
    account.dead_letters.replay([low, high], expires=3600)
    assert account.call_order(low, 4) == [high, *waiting, low]


def test_attempts_and_resends_are_counted_anew_after_a_replay(account: Account) -> None:
    """After a replay, attempts and resends are counted anew."""
    id_ = account.submit()
    for outcome in (UNCONFIRMED, UNCONFIRMED, MAINTENANCE):
        account.call(id_, outcome)
        account.clock.advance(MINUTE)
    assert account.state(id_) is State.DEAD
    account.dead_letters.replay([id_], expires=3600)
    for outcome in (UNCONFIRMED, MAINTENANCE):
        account.call(id_, outcome)
        account.clock.advance(MINUTE)
    record = account.explain(id_).record
    assert (record.state, record.attempts, record.unconfirmed) == (State.WAITING, POLICY.max_attempts - 1, 1)


def test_a_late_success_saves_a_replayed_dead_letter_the_second_call(account: Account) -> None:
    """A success that arrives late saves a replayed notification the second call."""
    id_ = account.submit(on_unconfirmed="dead_letter")
    lost = account.lose_call(id_)
    assert account.state(id_) is State.DEAD
    account.dead_letters.replay([id_], expires=3600)
    assert account.settle(lost, ACCEPTED) == "late"
    assert account.state(id_) is State.ACCEPTED


def test_a_replayed_dead_letter_expires_at_its_new_deadline(account: Account) -> None:
    """A replayed notification expires at its new deadline."""
    id_ = dead_letter(account)
    account.dead_letters.replay([id_], expires=60)
    account.clock.advance(MINUTE)
    assert account.expire() == [id_]


def test_a_replayed_dead_letter_has_no_call_id(account: Account) -> None:
    """The id is that of a call before the replay, which its history still tells of."""
    id_ = account.submit(on_unconfirmed="dead_letter")
    account.settle(account.lose_call(id_), ACCEPTED)
    assert account.explain(id_).record.call_id
    account.dead_letters.replay([id_], expires=60, include_called=True)
    record = account.explain(id_).record
    assert (record.state, record.call_id, record.task_no) == (State.WAITING, "", "")


def test_a_full_line_takes_no_replayed_dead_letter(account: Account) -> None:
    """Those that the line has no room for stay dead letters, and are told."""
    account.configure(max_line=2)
    letters = [dead_letter(account) for _ in range(3)]
    account.submit()
    assert account.dead_letters.replay(letters, expires=60) == Replayed(done=1, full=2)
    assert account.dead_letters.count() == account.ledger.counts()[State.DEAD] == 2
    assert account.ledger.counts()[State.WAITING] == 2


def test_a_dead_letter_that_nobody_moves_on_is_deleted_and_told(account: Account) -> None:
    """After `dead_retention`, by a sweep, which says what it was; its key may be used anew."""
    account.configure(dead_retention_ms=DAY)
    old = account.submit(key="order-1")
    account.call(old, REFUSED)
    died = account.clock.now
    account.clock.advance(HOUR)
    young = dead_letter(account)
    account.clock.set(died + DAY - 1)
    assert account.sweep().dropped == ()
    account.clock.advance(1)
    letter = DroppedLetter(id=old, template="453662", code="400", reason="refused", ended=died)
    assert account.sweep().dropped == (letter,)
    assert [each.id for each in account.dead_letters.find(Filter())] == [young]
    assert account.ledger.counts()[State.DEAD] == 1
    totals: Any = account.client.hgetall(account.prefix + keys.TOTALS)
    assert totals.get("dropped") == "1"
    assert not account.client.keys(f"{account.prefix}*{old}")
    assert not account.submission(key="order-1").duplicate


def test_dead_letters_are_deleted_a_batch_at_a_time(account: Account) -> None:
    """However many are too old at once; the sweep says that there are more."""
    account.configure(dead_retention_ms=DAY)
    letters = [dead_letter(account, id=f"n{number}") for number in range(3)]
    account.clock.advance(2 * DAY)
    found = account.ledger.sweep("worker", most=2)
    assert ([letter.id for letter in found.dropped], found.more) == (letters[:2], True)
    found = account.ledger.sweep("worker", most=2)
    assert ([letter.id for letter in found.dropped], found.more) == (letters[2:], False)


def test_a_dead_letter_that_two_replay_comes_back_once(account: Account) -> None:
    """A dead letter that two people replay comes back once."""
    id_ = dead_letter(account)
    assert account.dead_letters.replay([id_, id_], expires=60).done == 1
    account.call(id_)
    account.clock.advance(SECOND)
    assert account.dead_letters.replay([id_], expires=60).done == 0


def test_the_key_of_a_purged_dead_letter_may_be_used_anew(account: Account) -> None:
    """With its key a purged notification may be submitted anew: the key of nothing holds nothing back."""
    first = account.submit(key="order-1")
    account.call(first, REFUSED)
    account.dead_letters.purge([first])
    again = account.submission(key="order-1")
    assert (again.duplicate, again.id == first) == (False, False)
    assert account.state(again.id) is State.WAITING


def test_a_purged_dead_letter_is_gone_and_the_others_are_not(account: Account) -> None:
    """A purged dead letter is gone, and the others are not."""
    gone, kept = dead_letter(account), dead_letter(account)
    assert account.dead_letters.purge([gone]) == 1
    with pytest.raises(UnknownNotification):
        account.explain(gone)
    assert [letter.id for letter in account.dead_letters.find(Filter())] == [kept]
    assert account.ledger.counts()[State.DEAD] == account.dead_letters.count() == 1
    assert account.dead_letters.purge([gone]) == 0


@pytest.mark.usefixtures("small_pages")
def test_more_dead_letters_than_a_round_trip_takes_are_found_and_replayed(account: Account) -> None:
    """Several chunks and a part of one."""
    ids = [dead_letter(account, id=f"n{number}") for number in range(8)]
    assert [letter.id for letter in account.dead_letters.find(Filter())] == ids
    assert account.dead_letters.replay(iter(ids), expires=60).done == len(ids)
    assert account.dead_letters.count() == 0
