"""Settling: what becomes of the notification, of its number's windows and of its line when an attempt ends."""

from __future__ import annotations

from unittest.mock import Mock

import pytest

from tests.support.account import (
    ACCEPTED,
    BACKOFF,
    GAP,
    LAPSED,
    LEASE,
    LIMITS,
    MAINTENANCE,
    MOBILE,
    NO_BALANCE,
    POLICY,
    REFUSED,
    RETENTION,
    TOMORROW,
    UNCLEAR,
    UNCONFIRMED,
    Account,
    other_number,
)
from tests.support.clock import DAY, HOUR, MINUTE, NOON, SECOND, TODAY
from voice_notify.delivery.settlement import Settler
from voice_notify.domain.outcome import Kind, Outcome
from voice_notify.domain.reasons import EndReason, Reason
from voice_notify.domain.retry import Step, Window, decide
from voice_notify.domain.states import State
from voice_notify.errors import UnknownNotification
from voice_notify.ledger import keys
from voice_notify.ledger.ledger import Settlement
from voice_notify.monitoring.task_events import TaskEvents

LATE_SUCCESS = Outcome(Kind.ACCEPTED, "200", "成功", call_id="late", task_no="late")


@pytest.mark.parametrize(
    ("outcome", "state", "reason"),
    [
        (ACCEPTED, State.ACCEPTED, "placed"),
        (MAINTENANCE, State.WAITING, "backoff"),
        (TOMORROW, State.WAITING, "quota"),
        (REFUSED, State.DEAD, "refused"),
        (UNCLEAR, State.DEAD, "unclear"),
        (NO_BALANCE, State.DEAD, "account"),
        (UNCONFIRMED, State.WAITING, "resend"),
    ],
    ids=lambda value: value.kind if isinstance(value, Outcome) else None,
)
def test_each_outcome_moves_the_notification_on(account: Account, outcome: Outcome, state: State, reason: str) -> None:
    """The record and the history have the reason, and the provider's code and `msg`."""
    id_ = account.submit()
    grant = account.granted(id_)
    account.clock.advance(SECOND)
    assert account.settle(grant, outcome) == state
    explained = account.explain(id_)
    record, newest = explained.record, explained.history[-1]
    assert (record.state, record.reason, record.code, record.message) == (state, reason, outcome.code, outcome.message)
    assert (newest.at_ms, newest.state, newest.reason) == (account.clock.now, state, reason)
    assert newest.detail == f"{outcome.code} {outcome.message}"
    assert (record.ended_ms is None) == (state is State.WAITING)
    assert account.ledger.counts() == dict.fromkeys(State, 0) | {state: 1}


def test_an_accepted_notification_keeps_the_providers_ids(account: Account) -> None:
    """An accepted notification keeps the provider's ids of the request and the call."""
    id_ = account.submit()
    account.call(id_, ACCEPTED)
    record = account.explain(id_).record
    assert (record.call_id, record.task_no, record.ended_ms) == ("1212", "6956", account.clock.now)


@pytest.mark.parametrize("outcome", [ACCEPTED, UNCLEAR, UNCONFIRMED], ids=lambda outcome: outcome.kind)
def test_the_window_counts_from_the_reply(account: Account, outcome: Outcome) -> None:
    """A call that was or may have been placed counts from the moment of its settlement."""
    id_ = account.submit()
    other = account.submit()
    account.call(id_, outcome, takes=9 * SECOND)
    account.granted_exactly_at(NOON + 9 * SECOND + GAP, other)


@pytest.mark.parametrize("outcome", [MAINTENANCE, REFUSED], ids=lambda outcome: outcome.kind)
def test_a_refused_attempt_was_no_call(account: Account, outcome: Outcome) -> None:
    """A refused attempt counts in no window: the next in line may be called at once."""
    id_, other = account.submit(), account.submit()
    account.call(id_, outcome)
    assert account.granted(other).id == other


def test_a_refused_attempt_releases_its_own_call_time_only(account: Account) -> None:
    """The calls before it stay counted."""
    ids = [account.submit() for _ in range(7)]
    account.call(ids[0])
    first_call = account.clock.now
    account.clock.advance(HOUR)
    account.call(ids[0], REFUSED)
    for _ in range(4):
        account.call(ids[0])
        account.clock.advance(GAP)
    account.granted_exactly_at(first_call + LIMITS.window_ms, ids[0])


def test_a_refused_sixth_attempt_leaves_the_calls_before_it_counted(account: Account) -> None:
    """But for the one whose window is over."""
    ids = [account.submit() for _ in range(7)]
    calls = []
    for id_ in ids[:5]:
        account.call(id_)
        calls.append(account.clock.now)
        account.clock.advance(HOUR)
    account.clock.set(calls[0] + LIMITS.window_ms)
    account.call(ids[5], REFUSED)
    account.call(ids[6])
    last = account.submit()
    account.granted_exactly_at(calls[1] + LIMITS.window_ms, last)


def test_after_a_transient_refusal_it_waits_and_lets_others_pass(account: Account) -> None:
    """After a refusal for now the notification waits beside its line, and lets the others pass."""
    id_, other = account.submit(), account.submit()
    account.call(id_, MAINTENANCE)
    grant = account.granted(other)
    assert grant.id == other
    account.settle(grant, REFUSED)
    assert account.granted_exactly_at(NOON + SECOND + BACKOFF, id_).attempt.attempts == 2


def test_after_the_last_attempt_it_is_a_dead_letter(account: Account) -> None:
    """After `max_attempts` refusals for now the notification is a dead letter."""
    id_ = account.submit()
    for _ in range(POLICY.max_attempts):
        account.call(id_, MAINTENANCE)
        account.clock.advance(MINUTE)
    record = account.explain(id_).record
    assert (record.state, record.reason, record.attempts) == (State.DEAD, "exhausted", POLICY.max_attempts)


def test_after_the_last_resend_it_is_a_dead_letter(account: Account) -> None:
    """After `max_unconfirmed` resends of unknown outcome the notification is a dead letter."""
    id_ = account.submit()
    for _ in range(POLICY.max_unconfirmed + 1):
        assert account.state(id_) is State.WAITING
        account.call(id_, UNCONFIRMED)
        account.clock.advance(GAP)
    record = account.explain(id_).record
    assert (record.state, record.reason, record.unconfirmed) == (State.DEAD, "unconfirmed", POLICY.max_unconfirmed + 1)


def test_a_resend_keeps_its_place(account: Account) -> None:
    """A resend goes before those submitted later."""
    id_, other = account.submit(), account.submit()
    account.call(id_, UNCONFIRMED)
    account.clock.advance(GAP)
    assert account.granted(other).id == id_


def test_606_holds_the_number_and_counts_no_call(account: Account) -> None:
    """Another number is free."""
    id_ = account.submit()
    account.call(id_, TOMORROW)
    explained = account.explain(id_)
    assert (explained.reason, explained.due_ms) == (Reason.QUOTA, NOON + 12 * HOUR)
    account.granted(account.submit(other_number(1)))


def test_after_an_attempt_the_agenda_has_the_time_of_the_next_call(account: Account) -> None:
    """When an attempt ends, its number is on the agenda at the time of the next call, or not at all."""
    id_, other = account.submit(), account.submit()
    account.call(id_)
    assert account.due(id_) == account.clock.now + GAP
    account.clock.advance(GAP)
    account.call(other)
    assert account.due(id_) is None


def test_a_settlement_sent_again_changes_nothing(account: Account) -> None:
    """A settlement that is sent again because its reply was lost changes nothing."""
    id_ = account.submit()
    grant = account.call(id_, MAINTENANCE)
    before = account.explain(id_)
    assert account.settle(grant, MAINTENANCE) == State.WAITING  # so that monitors are told, once
    assert account.explain(id_) == before


def test_a_success_settled_again_is_counted_once(account: Account) -> None:
    """The gap counts from the first settlement."""
    id_, other = account.submit(), account.submit()
    grant = account.call(id_)
    called = account.clock.now
    account.clock.advance(SECOND)
    assert account.settle(grant, ACCEPTED) == State.ACCEPTED
    account.granted_exactly_at(called + GAP, other)


def test_a_lapse_that_the_reply_outran_decides_nothing(account: Account) -> None:
    """The worker was only slow: its reply came after the sweep that handed the call over, and before its settlement."""
    id_ = account.submit()
    grant = account.granted(id_)
    account.clock.advance(LEASE)
    (lapsed,) = account.sweep().lapsed
    assert account.settle(grant, REFUSED) == State.DEAD
    assert account.settle(lapsed, LAPSED) == "repeated"


@pytest.mark.parametrize("outcome", [MAINTENANCE, REFUSED, NO_BALANCE, UNCONFIRMED], ids=lambda outcome: outcome.kind)
def test_a_stale_token_does_not_end_the_attempt_in_flight(account: Account, outcome: Outcome) -> None:
    """What an earlier attempt reports does not end the one in flight."""
    id_ = account.submit()
    stale = account.lose_call(id_)
    account.clock.advance(GAP)
    grant = account.granted(id_)
    assert account.settle(stale, outcome) == "late"
    assert account.state(id_) is State.CALLING
    assert account.ledger.account() is None
    assert account.settle(grant, ACCEPTED) == State.ACCEPTED


def test_a_stale_lapse_changes_nothing(account: Account) -> None:
    """A dispatcher may give up an attempt too late: when it was settled, or another is in flight."""
    id_ = account.submit()
    account.granted(id_)
    account.clock.advance(LEASE)
    (lapsed,) = account.sweep().lapsed
    account.settle(lapsed, MAINTENANCE)
    assert account.settle(lapsed, LAPSED) == "repeated"
    account.clock.advance(BACKOFF)
    grant = account.granted(id_)
    assert account.settle(lapsed, LAPSED) == "repeated"
    assert account.settle(grant, ACCEPTED) == State.ACCEPTED
    assert account.explain(id_).record.unconfirmed == 0


def test_a_lapsed_call_is_counted_and_sent_again(account: Account) -> None:
    """A call whose worker was lost may have been placed."""
    id_ = account.submit()
    account.lose_call(id_)
    record = account.explain(id_).record
    assert (record.state, record.reason, record.unconfirmed, record.code) == (State.WAITING, "resend", 1, "lease")
    account.granted_exactly_at(NOON + LEASE + GAP, id_)


def test_a_late_success_is_taken_and_the_resend_is_not_made(account: Account) -> None:
    """A success that arrives after its lease ran out is taken: the resend is not made."""
    id_ = account.submit()
    lost = account.lose_call(id_)
    account.clock.advance(SECOND)
    assert account.settle(lost, LATE_SUCCESS) == "late"
    record = account.explain(id_).record
    assert (record.state, record.reason, record.call_id) == (State.ACCEPTED, "late", "late")
    assert account.due(id_) is None
    account.clock.advance(DAY)
    assert account.begin(id_) is None


def test_a_late_reply_counts_from_its_arrival(account: Account) -> None:
    """The call of a late reply may have been placed up to that moment: the gap counts from there."""
    id_ = account.submit()
    lost = account.lose_call(id_)
    account.clock.advance(20 * SECOND)
    account.settle(lost, UNCONFIRMED)
    account.granted_exactly_at(account.clock.now + GAP, id_)


def test_a_late_success_decides_if_the_resend_in_flight_is_refused(account: Account) -> None:
    """A success that arrives while the resend is on the wire decides, if the resend itself is refused."""
    id_ = account.submit()
    lost = account.lose_call(id_)
    account.clock.advance(GAP)
    resend = account.granted(id_)
    account.settle(lost, LATE_SUCCESS)
    assert account.state(id_) is State.CALLING
    assert account.settle(resend, MAINTENANCE) == State.ACCEPTED
    record = account.explain(id_).record
    assert (record.reason, record.call_id, record.code) == ("late", "late", "200")


def test_a_resend_that_succeeds_too_keeps_its_own_ids(account: Account) -> None:
    """If the resend succeeds too, its own ids are kept, and both successes are in the history."""
    id_ = account.submit()
    lost = account.lose_call(id_)
    account.clock.advance(GAP)
    resend = account.granted(id_)
    account.settle(lost, LATE_SUCCESS)
    assert account.settle(resend, ACCEPTED) == State.ACCEPTED
    assert account.explain(id_).record.call_id == ACCEPTED.call_id
    assert [entry.reason for entry in account.explain(id_).history][-2:] == ["late", "placed"]


@pytest.mark.parametrize("final", [State.CANCELLED, State.EXPIRED, State.DEAD, State.ACCEPTED])
def test_a_late_success_changes_no_final_state_but_is_on_record(account: Account, final: State) -> None:
    """The success is in the history, its ids in the record, and its call counts in the window."""
    own = {State.DEAD: "dead_letter", State.ACCEPTED: "assume_sent"}.get(final)
    id_ = account.submit(expires=20 if final is State.EXPIRED else None, on_unconfirmed=own)
    lost = account.lose_call(id_)
    if final is State.CANCELLED:
        account.ledger.cancel(id_)
    elif final is State.EXPIRED:
        account.clock.advance(2 * SECOND)
        account.expire()
    assert account.state(id_) is final
    assert account.settle(lost, LATE_SUCCESS) == "late"
    assert account.state(id_) is final
    newest = account.explain(id_).history[-1]
    assert (newest.state, newest.reason, newest.detail) == (final, "late", "200 成功")
    assert account.explain(id_).record.call_id == LATE_SUCCESS.call_id
    account.granted_exactly_at(account.clock.now + GAP, account.submit())


def test_a_dead_letter_that_rang_is_replayed_only_on_request(account: Account) -> None:
    """A person has to say that the phone may ring again."""
    id_ = account.submit(on_unconfirmed="dead_letter")
    account.settle(account.lose_call(id_), LATE_SUCCESS)
    assert account.dead_letters.replay([id_], expires=60).done == 0
    assert account.state(id_) is State.DEAD
    assert account.dead_letters.replay([id_], expires=60, include_called=True).done == 1


def test_a_deadline_that_passed_during_the_call_ends_the_retries(account: Account) -> None:
    """An attempt that would be made again after the deadline ends in `expired`."""
    id_ = account.submit(expires=1)
    account.call(id_, MAINTENANCE, takes=SECOND)
    assert account.state(id_) is State.EXPIRED
    assert account.due(id_) is None


def test_a_deadline_after_the_call_ends_what_waits(account: Account) -> None:
    """A deadline that comes after the attempt ends a notification that waits for the next."""
    id_ = account.submit(expires=60)
    account.call(id_, TOMORROW)
    account.clock.advance(MINUTE - SECOND)
    assert account.expire() == [id_]


def test_a_sweep_leaves_a_call_in_flight_alone(account: Account) -> None:
    """A sweep leaves a call in flight alone, but the deadline stays in force: no further attempt is made."""
    id_ = account.submit(expires=1)
    grant = account.granted(id_)
    account.clock.advance(2 * SECOND)
    assert account.expire() == []
    assert account.settle(grant, MAINTENANCE) == State.EXPIRED


def test_calls_in_flight_past_their_deadline_hold_up_no_sweep(account: Account) -> None:
    """However few a sweep takes at once: each of them is looked at once."""
    account.granted(account.submit(expires=1))
    waiting = account.submit(other_number(1), expires=2)
    account.clock.advance(2 * SECOND)
    assert [account.expire(most=1) for _ in range(2)] == [[], [waiting]]


def test_a_success_after_the_deadline_counts(account: Account) -> None:
    """A call that began before its deadline counts, whenever its reply arrives."""
    id_ = account.submit(expires=1)
    account.call(id_, ACCEPTED, takes=10 * SECOND)
    assert account.state(id_) is State.ACCEPTED


def test_settling_an_unknown_notification_changes_nothing(account: Account) -> None:
    """A notification that is no longer kept is `gone`, and another's call stays in flight."""
    grant = account.granted(account.submit())
    settlement = Settlement("unknown", grant.token, ACCEPTED, Step(State.ACCEPTED, EndReason.PLACED, Window.COUNT))
    assert account.ledger.settle([settlement]) == ["gone"]
    assert account.ledger.counts()[State.CALLING] == 1


def test_a_final_notification_is_kept_for_its_retention(account: Account) -> None:
    """Record and history are kept for `retention` from the end; then nothing is left of them but the counts."""
    id_ = account.submit()
    account.clock.advance(DAY)
    account.call(id_)
    account.clock.advance(RETENTION - SECOND)
    explained = account.explain(id_)
    assert explained.record.state is State.ACCEPTED
    assert [entry.state for entry in explained.history] == [State.WAITING, State.CALLING, State.ACCEPTED]
    account.clock.advance(MINUTE)
    with pytest.raises(UnknownNotification):
        account.explain(id_)
    assert not [key for key in account.client.scan_iter(account.prefix + "*") if id_ in key]
    assert account.ledger.counts()[State.ACCEPTED] == 1


def test_without_a_dead_retention_a_dead_letter_is_kept_until_it_is_purged(account: Account) -> None:
    """However long ago it died, a dead letter can be explained and replayed."""
    id_ = account.submit()
    account.call(id_, REFUSED)
    account.clock.advance(10 * RETENTION)
    assert account.sweep().dropped == ()
    assert [entry.state for entry in account.explain(id_).history] == [State.WAITING, State.CALLING, State.DEAD]
    assert account.dead_letters.replay([id_], expires=60).done == 1


@pytest.mark.parametrize("end", [State.ACCEPTED, State.CANCELLED, State.EXPIRED, State.DEAD])
def test_what_has_ended_leaves_only_what_is_still_needed(account: Account, end: State) -> None:
    """It leaves its record, its history, its place in the index and what the windows need, and no other trace."""
    id_ = account.submit(expires=60)
    account.call(id_, {State.ACCEPTED: ACCEPTED, State.DEAD: UNCLEAR}.get(end, MAINTENANCE))
    account.clock.advance(LEASE)
    if end is State.CANCELLED:
        account.ledger.cancel(id_)
    elif end is State.EXPIRED:
        account.clock.advance(MINUTE)
    account.expire()
    left = {key.removeprefix(account.prefix) for key in account.client.scan_iter(account.prefix + "*")}
    counters = {keys.COUNTS, keys.TOTALS, keys.DAY + TODAY, keys.SPENT + TODAY, keys.SEQUENCE}
    others = {keys.PACE, keys.CLOCK, keys.HEARTBEATS, keys.WAKE, "test:now"}  # nobody was asleep to be woken
    about_it = {keys.NOTIFICATION + id_, keys.LOG + id_} | counters | others
    if end in (State.ACCEPTED, State.DEAD):
        about_it.add(keys.CALLS + MOBILE)
    if end is not State.ACCEPTED:
        about_it |= {keys.RUN, keys.RUN_CODE}
    about_it.add(keys.DEAD if end is State.DEAD else f"{keys.ENDED}{end}:{TODAY}")
    assert left == about_it
    assert not {"lease", "override"} & set(account.client.hkeys(account.prefix + keys.NOTIFICATION + id_))


def test_a_batch_of_settlements_is_answered_in_its_order(account: Account) -> None:
    """A batch of settlements is answered in its order."""
    grants = [account.granted(account.submit(other_number(number))) for number in range(3)]
    step = Step(State.ACCEPTED, EndReason.PLACED, Window.COUNT)
    batch = [Settlement(grant.id, grant.token, ACCEPTED, step) for grant in (*grants[:2], grants[0])]
    assert account.ledger.settle(batch) == ["accepted", "accepted", "accepted"]


def test_a_notification_with_spoilt_data_holds_up_no_other(account: Account) -> None:
    """A notification whose data is spoilt does not make the others, settled with it, unconfirmed."""
    grants = [account.granted(account.submit(other_number(number))) for number in range(3)]
    spoilt = grants[1].id
    account.client.delete(account.prefix + keys.LOG + spoilt)
    account.client.set(account.prefix + keys.LOG + spoilt, "not a list")
    settler = Settler(account.ledger, Mock(spec=TaskEvents))
    for grant in grants:
        step = decide(ACCEPTED, grant.attempt, POLICY, account.clock.now, 0.5)
        settler.put(Settlement(grant.id, grant.token, ACCEPTED, step))
    settler.close()
    states = [account.ledger.record(grant.id).state for grant in grants if grant.id != spoilt]
    assert states == [State.ACCEPTED, State.ACCEPTED]
