"""An outage of the provider costs time: the account is paused, and what waits keeps its place and its attempts."""

from __future__ import annotations

from itertools import count

import pytest

from tests.support.account import (
    ACCEPTED,
    BACKOFF,
    LAPSED,
    LEASE,
    MAINTENANCE,
    NO_BALANCE,
    REFUSED,
    UNCONFIRMED,
    Account,
    other_number,
)
from tests.support.clock import MINUTE, NOON, SECOND
from voice_notify.domain.outcome import Kind, Outcome
from voice_notify.domain.reasons import Reason
from voice_notify.domain.states import State
from voice_notify.ledger import keys
from voice_notify.ledger.breaker import Pause

OUTAGE_RUN = 5
PROBE = 2 * SECOND
#: A process that may begin no more calls yet after an outage looks again after so long.
RAMP_LOOK = 100
NOT_CONNECTED = Outcome(Kind.TRANSIENT, "connect", "not sent: [Errno 111] Connection refused")
BAD_GATEWAY = Outcome(Kind.UNCONFIRMED, "http-502", "HTTP 502 without the documented JSON")
FORBIDDEN = Outcome(Kind.UNCLEAR, "http-403", "HTTP 403 without the documented JSON")
TOO_FREQUENT = Outcome(Kind.TRANSIENT, "609", "请求过于频繁,请稍候再试")
ILLNESSES = [
    (NOT_CONNECTED, "unreachable"),
    (UNCONFIRMED, "unreachable"),
    (BAD_GATEWAY, "unreachable"),
    (FORBIDDEN, "unreachable"),
    (MAINTENANCE, "maintenance"),
    (TOO_FREQUENT, "maintenance"),
]

_numbers = count()


def submit_each(account: Account, many: int) -> list[str]:
    """Submit to so many numbers that were not called before."""
    return [account.submit(other_number(next(_numbers))) for _ in range(many)]


def meet(account: Account, outcome: Outcome, many: int = OUTAGE_RUN) -> list[str]:
    """Have so many numbers meet the outcome, one after the other."""
    ids = submit_each(account, many)
    for id_ in ids:
        account.call(id_, outcome, takes=0)
    return ids


def probe(account: Account, outcome: Outcome) -> Pause | None:
    """Wait for the probe, whatever it calls; it has that outcome. The pause after it."""
    paused = account.ledger.account()
    assert paused is not None
    assert paused.until_ms is not None
    account.clock.set(max(account.clock.now, paused.until_ms))
    (grant,) = account.grant().grants
    account.settle(grant, outcome)
    return account.ledger.account()


@pytest.mark.parametrize(("outcome", "reason"), ILLNESSES)
def test_what_many_numbers_in_a_row_meet_alike_pauses_the_account(
    account: Account, outcome: Outcome, reason: str
) -> None:
    """`outage_run` numbers in a row: whether nothing was sent, or nobody knows, or the provider asks for time."""
    waiting = submit_each(account, 3)
    meet(account, outcome, OUTAGE_RUN - 1)
    assert account.ledger.account() is None
    meet(account, outcome, 1)
    assert account.ledger.account() == Pause(reason, f"{outcome.code} {outcome.message}", NOON, NOON + PROBE)
    assert [account.state(id_) for id_ in waiting] == [State.WAITING] * 3
    assert account.grant().grants == ()


def test_failures_alike_are_one_outage_whatever_their_code(account: Account) -> None:
    """A server that goes down answers with cuts, pages and refused connections."""
    for outcome in (UNCONFIRMED, BAD_GATEWAY, NOT_CONNECTED, UNCONFIRMED, FORBIDDEN):
        assert account.ledger.account() is None
        meet(account, outcome, 1)
    assert account.ledger.account() is not None


@pytest.mark.parametrize("between", [ACCEPTED, REFUSED])
def test_an_answer_between_them_ends_the_run(account: Account, between: Outcome) -> None:
    """Where the provider answers one of them, whatever it says, it can be reached."""
    meet(account, NOT_CONNECTED, OUTAGE_RUN - 1)
    meet(account, between, 1)
    meet(account, NOT_CONNECTED, OUTAGE_RUN - 1)
    assert account.ledger.account() is None


def test_one_number_alone_is_no_outage(account: Account) -> None:
    """It may be about that number: its attempts count, and end in the dead letters."""
    id_ = account.submit()
    for _ in range(3):
        account.call(id_, NOT_CONNECTED)
        account.clock.advance(MINUTE)
    assert account.ledger.account() is None
    assert account.state(id_) is State.DEAD


def test_a_lost_worker_is_no_outage(account: Account) -> None:
    """Calls whose lease ran out say nothing of the provider."""
    for id_ in submit_each(account, 2 * OUTAGE_RUN):
        grant = account.granted(id_)
        account.settle(grant, LAPSED)
    assert account.ledger.account() is None


def test_the_one_that_shows_the_outage_keeps_its_place_too(account: Account) -> None:
    """Those before it could not know: they wait for their backoff."""
    ids = meet(account, NOT_CONNECTED)
    assert [account.ledger.record(id_).attempts for id_ in ids] == [1, 1, 1, 1, 0]


def test_what_was_in_flight_when_the_outage_began_keeps_its_place_and_its_attempts(account: Account) -> None:
    """It goes back to where it stood, as if it had not been called: no backoff, no attempt, no call of the day."""
    first, second = submit_each(account, 2)
    in_flight = [account.granted(id_) for id_ in (first, second)]
    later = submit_each(account, 1)
    meet(account, NOT_CONNECTED)
    for grant in reversed(in_flight):
        account.settle(grant, NOT_CONNECTED)
    for id_ in (first, second):
        record = account.ledger.record(id_)
        assert (record.state, record.attempts, record.code) == (State.WAITING, 0, "connect")
        assert account.explain(id_).reason == "paused"
        assert not account.client.exists(account.prefix + keys.CALLS + record.mobile)
    assert probe(account, ACCEPTED) is None
    # The probe was the first: then come the others, in the order in which they were due.
    assert account.state(first) is State.ACCEPTED
    assert account.begin_next(2) == [second, *later]


def test_no_attempt_is_used_up_by_probes(account: Account) -> None:
    """However often one notification finds out that the provider is ill: it is not about it."""
    meet(account, MAINTENANCE)
    account.clock.advance(BACKOFF)
    for _ in range(50):
        assert probe(account, MAINTENANCE) is not None
    assert account.ledger.counts()[State.DEAD] == 0
    assert probe(account, ACCEPTED) is None


def test_each_probe_calls_another_number(account: Account) -> None:
    """What the first meets may be its own trouble after all: the account does not stay paused because of it."""
    in_trouble = account.submit(other_number(next(_numbers)), priority=9)
    grant = account.granted(in_trouble)
    meet(account, MAINTENANCE)
    account.settle(grant, MAINTENANCE)
    (other,) = submit_each(account, 1)
    paused = probe(account, MAINTENANCE)
    assert paused is not None
    record = account.ledger.record(in_trouble)
    assert (record.state, record.attempts, record.reason) == (State.WAITING, 0, Reason.BACKOFF)
    assert account.due(in_trouble) == (paused.until_ms or 0) + 1
    account.clock.set(paused.until_ms or 0)
    assert account.begin_next() != [in_trouble]
    assert account.state(other) is State.WAITING


def test_a_probe_calls_the_same_number_again_where_there_is_no_other(account: Account) -> None:
    """Nothing else waits: it is called as soon as a probe may go."""
    account.configure(outage_run=1)
    id_ = account.submit()
    account.call(id_, MAINTENANCE, takes=0)
    for _ in range(3):
        paused = account.ledger.account()
        assert paused is not None
        account.clock.set((paused.until_ms or 0) + 1)
        account.call(id_, MAINTENANCE, takes=0)
    assert account.ledger.record(id_).attempts == 0


@pytest.mark.parametrize("attempts", [0, 2])
def test_the_deadline_runs_during_an_outage(account: Account, attempts: int) -> None:
    """What meets the outage past its deadline has expired, also with its last attempt."""
    id_ = account.submit(other_number(next(_numbers)), expires=200)
    for _ in range(attempts):
        account.call(id_, MAINTENANCE)
        account.clock.advance(MINUTE)
    grant = account.granted(id_)
    meet(account, NOT_CONNECTED)
    account.clock.set(NOON + 200 * SECOND)
    account.settle(grant, NOT_CONNECTED)
    assert account.state(id_) is State.EXPIRED


def test_the_last_attempt_of_its_own_is_not_spent_on_an_outage(account: Account) -> None:
    """One that had used up its attempts but one keeps that one."""
    id_ = account.submit(other_number(next(_numbers)))
    for _ in range(2):
        account.call(id_, MAINTENANCE)
        meet(account, ACCEPTED, 1)
        account.clock.advance(MINUTE)
    grant = account.granted(id_)
    meet(account, MAINTENANCE)
    account.settle(grant, MAINTENANCE)
    assert account.state(id_) is State.WAITING
    assert account.ledger.record(id_).attempts == 2


def test_an_unknown_outcome_counts_in_an_outage_too(account: Account) -> None:
    """The phone may have rung: its policy decides, and the call of the day is used up."""
    id_ = account.submit()
    grant = account.granted(id_)
    meet(account, BAD_GATEWAY)
    account.settle(grant, BAD_GATEWAY)
    record = account.ledger.record(id_)
    assert (record.state, record.attempts, record.unconfirmed) == (State.WAITING, 1, 1)
    assert account.client.exists(account.prefix + keys.CALLS + record.mobile)


def test_probes_go_from_seconds_to_a_minute(account: Account) -> None:
    """Each that fails doubles the time to the next, up to `outage_probe_max`; the pause is one and the same."""
    meet(account, NOT_CONNECTED)
    submit_each(account, 1)
    waits = []
    for _ in range(7):
        paused = probe(account, NOT_CONNECTED)
        assert paused is not None
        assert paused.until_ms is not None
        assert paused.since_ms == NOON
        waits.append((paused.until_ms - account.clock.now) // SECOND)
    assert waits == [4, 8, 16, 32, 60, 60, 60]


def test_an_answer_to_the_probe_ends_the_outage(account: Account) -> None:
    """A refusal is about that notification: the provider is there."""
    meet(account, NOT_CONNECTED)
    submit_each(account, 1)
    assert probe(account, REFUSED) is None


def test_a_probe_that_nobody_answers_for_leaves_the_pause(account: Account) -> None:
    """Its worker was lost: that says nothing, and the next is as soon."""
    meet(account, NOT_CONNECTED)
    submit_each(account, 1)
    paused = probe(account, LAPSED)
    assert paused is not None
    assert (paused.reason, paused.until_ms) == ("unreachable", account.clock.now + PROBE)


def test_an_outage_may_turn_out_to_be_another_illness(account: Account) -> None:
    """A probe that meets a refusal of the whole account pauses for that, with the cool-down of that."""
    meet(account, NOT_CONNECTED)
    submit_each(account, 2)
    maintenance = probe(account, MAINTENANCE)
    assert maintenance is not None
    assert maintenance.reason == "maintenance"
    refused = probe(account, NO_BALANCE)
    assert refused is not None
    assert (refused.reason, refused.until_ms) == ("603", account.clock.now + MINUTE)


def test_an_outage_does_not_lift_the_pause_of_the_account(account: Account) -> None:
    """A probe of a suspended account that meets no provider leaves the reason, and counts."""
    meet(account, NO_BALANCE, 1)
    (id_,) = submit_each(account, 1)
    paused = probe(account, NOT_CONNECTED)
    assert paused is not None
    assert paused.reason == "603"
    assert account.ledger.record(id_).attempts == 1


def test_a_probe_that_completes_a_run_of_refusals_pauses_for_that(account: Account) -> None:
    """The provider is there again, and refuses everyone: calls that were on the wire say so too."""
    in_flight = [account.granted(id_) for id_ in submit_each(account, 2)]
    meet(account, NOT_CONNECTED)
    submit_each(account, 1)
    for grant in in_flight:
        account.settle(grant, REFUSED)
    paused = probe(account, REFUSED)
    assert paused is not None
    assert (paused.reason, paused.until_ms) == ("suspect", account.clock.now + MINUTE)


def test_after_an_outage_the_calls_come_back_little_by_little(account: Account) -> None:
    """Those that have begun since may double each second, for ten seconds."""
    ids = submit_each(account, 300)
    meet(account, NOT_CONNECTED)
    assert probe(account, ACCEPTED) is None
    begun = []
    for _ in range(7):
        calls = 0
        while (granted := account.grant(64)).grants:
            calls += len(granted.grants)
        begun.append(calls)
        account.clock.advance(SECOND)
    assert begun == [4, 4, 8, 16, 32, 64, 128]
    assert granted.idle_ms == RAMP_LOOK
    assert len(ids) > sum(begun)


def test_the_ramp_ends(account: Account) -> None:
    """Ten seconds after the outage nothing holds calls back."""
    meet(account, NOT_CONNECTED)
    submit_each(account, 2)
    assert probe(account, ACCEPTED) is None
    account.clock.advance(MINUTE)
    submit_each(account, 60)
    assert len(account.grant(64).grants) > 60
    assert not account.client.exists(account.prefix + keys.RAMP)


def test_after_another_pause_nothing_holds_calls_back(account: Account) -> None:
    """The provider was there all the time."""
    meet(account, NO_BALANCE, 1)
    submit_each(account, 10)
    assert probe(account, ACCEPTED) is None
    assert len(account.grant().grants) == 9


def test_an_urgent_one_goes_first_after_an_outage(account: Account) -> None:
    """The few that may begin are the most urgent."""
    submit_each(account, 20)
    meet(account, NOT_CONNECTED)
    urgent = [account.submit(other_number(next(_numbers)), priority=9) for _ in range(4)]
    assert probe(account, ACCEPTED) is None
    assert account.begin_next(16)[:3] == urgent[1:]


def test_a_lease_of_a_probe_is_waited_for(account: Account) -> None:
    """While the probe is on the wire no other call begins."""
    meet(account, NOT_CONNECTED)
    submit_each(account, 2)
    account.clock.advance(PROBE)
    assert len(account.grant().grants) == 1
    granted = account.grant(process="p2")
    assert (granted.grants, granted.idle_ms) == ((), LEASE)
