"""The one clock of the ledger, where the server's goes back or forward: nothing stalls, and no window is cut short."""

from __future__ import annotations

from dataclasses import replace
from unittest.mock import patch

import fakeredis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.account import (
    ACCEPTED,
    COOLDOWN,
    GAP,
    LEASE,
    LIMITS,
    MAINTENANCE,
    NO_BALANCE,
    Account,
    other_number,
)
from tests.support.clock import DAY, HOUR, MINUTE, NOON, SECOND
from voice_notify.domain.states import State
from voice_notify.ledger import keys
from voice_notify.ledger.ledger import Sweep
from voice_notify.ledger.numbers import read_number
from voice_notify.ledger.scripts import source

#: Sweeps follow each other by so much at most.
SWEEP = SECOND
#: As many milliseconds of the server's pass in one of ours, while ours is ahead.
SLOWED = 1.12


def now_ms(account: Account) -> int:
    """The time by which the scripts go."""
    return read_number(account.ledger.scripts, other_number(99), most=1).now_ms


def ahead_ms(account: Account) -> int:
    """By how much that is ahead of the server's."""
    return now_ms(account) - account.clock.now


def let_pass(account: Account, milliseconds: int, *, sweeps: int = 1) -> list[Sweep]:
    """Let so much of the server's time pass, with so many sweeps in each second."""
    end, done = account.clock.now + milliseconds, []
    while account.clock.now < end:
        account.clock.advance(min(SWEEP // sweeps, end - account.clock.now))
        done.append(account.sweep())
    return done


def go_back(account: Account, milliseconds: int = HOUR, *, swept: bool = True) -> None:
    """Set the server's clock back, just after a sweep or a while after it; the next sweep follows."""
    account.sweep()
    if not swept:
        account.clock.advance(SWEEP - 1)
    account.clock.advance(-milliseconds)
    account.sweep()


step_back = pytest.mark.parametrize("swept", [True, False], ids=["just swept", "between sweeps"])


@step_back
def test_time_does_not_go_back(account: Account, *, swept: bool) -> None:
    """At most to where the last sweep was, and from the next on it goes on."""
    before = now_ms(account)
    go_back(account, swept=swept)
    assert now_ms(account) == before
    account.clock.advance(500)
    assert now_ms(account) == before + 500


def test_before_the_next_sweep_time_stands_still(account: Account) -> None:
    """It does not follow the server's clock back."""
    account.sweep()
    before = now_ms(account)
    account.clock.advance(-HOUR)
    assert now_ms(account) == before
    account.clock.advance(SWEEP)
    assert now_ms(account) == before


@step_back
def test_what_is_due_waits_for_no_longer_than_a_sweep(account: Account, *, swept: bool) -> None:
    """Whatever was submitted before the step back, or is submitted after it."""
    early = account.submit(other_number(1))
    parked = account.submit(other_number(2), countdown=10)
    go_back(account, swept=swept)
    late = account.submit(other_number(3))
    assert account.begin_next() == [early, late]
    let_pass(account, 12 * SECOND)
    assert account.begin_next() == [parked]


@step_back
def test_the_gap_is_kept_and_no_longer(account: Account, *, swept: bool) -> None:
    """In the server's own time: not shorter than it is, longer by a sweep and what the clock is slowed down at most."""
    account.sweep()
    id_ = account.submit()
    account.submit()
    if not swept:
        account.clock.advance(SWEEP - 2)
    account.call(id_, takes=1)
    account.clock.advance(-HOUR)
    passed = 0
    while account.grant().grants == ():
        let_pass(account, 500)
        passed += 500
    assert GAP <= passed <= (GAP + SWEEP) * SLOWED + SWEEP


@step_back
def test_the_daily_limit_is_kept(account: Account, *, swept: bool) -> None:
    """The sixth call waits until the first is a window ago, by a clock that does not run backwards."""
    ids = [account.submit(expires=10 * DAY // SECOND) for _ in range(6)]
    account.call(ids[0])
    passed = 0
    for _ in range(4):
        account.clock.advance(HOUR)
        passed += HOUR
        account.call(ids[0])
    go_back(account, swept=swept)
    while account.grant().grants == ():
        account.clock.advance(5 * MINUTE)
        passed += 5 * MINUTE
        account.sweep()
    assert LIMITS.window_ms <= passed <= LIMITS.window_ms * SLOWED


@step_back
def test_a_lease_runs_out_in_time(account: Account, *, swept: bool) -> None:
    """A call whose worker died is settled a lease later, not an hour later."""
    grant = account.granted(account.submit())
    go_back(account, swept=swept)
    early = 2 * SECOND
    assert [lapsed for sweep in let_pass(account, LEASE - early) for lapsed in sweep.lapsed] == []
    (lapsed,) = (lapsed for sweep in let_pass(account, round(early + LEASE / 8)) for lapsed in sweep.lapsed)
    assert lapsed.token == grant.token


def test_a_deadline_comes_in_time(account: Account) -> None:
    """Neither before its time nor an hour late."""
    id_ = account.submit(expires=60)
    account.ledger.pause("a while")
    go_back(account)
    let_pass(account, MINUTE - SECOND)
    assert account.state(id_) is State.WAITING
    let_pass(account, MINUTE // 8)
    assert account.state(id_) is State.EXPIRED


def test_a_cooldown_ends_in_time(account: Account) -> None:
    """The probe goes out after the cool-down."""
    account.call(account.submit(other_number(1)), NO_BALANCE, takes=0)
    probe = account.submit(other_number(2))
    go_back(account)
    let_pass(account, COOLDOWN - SECOND)
    assert account.begin_next() == []
    let_pass(account, COOLDOWN // 8)
    assert account.begin_next() == [probe]


def test_a_backoff_ends_in_time(account: Account) -> None:
    """What was refused is tried again."""
    id_ = account.submit()
    account.call(id_, MAINTENANCE)
    go_back(account)
    let_pass(account, 4 * SECOND)
    assert account.begin_next() == [id_]


@pytest.mark.parametrize("sweeps", [1, 10, 250])
def test_the_lead_is_worked_off(account: Account, sweeps: int) -> None:
    """A tenth of the time that passes, however many workers sweep; then the clock is the server's again."""
    go_back(account, 2 * SECOND)
    assert ahead_ms(account) == 2 * SECOND
    let_pass(account, 4 * SECOND, sweeps=sweeps)
    assert 1550 <= ahead_ms(account) <= 1750
    let_pass(account, 20 * SECOND)
    assert ahead_ms(account) == 0


def test_the_slowed_clock_never_goes_back(account: Account) -> None:
    """Each reading is as late as the one before, or later."""
    go_back(account, MINUTE)
    last = 0
    for _ in range(200):
        account.clock.advance(37)
        if account.clock.now % 3 == 0:
            account.sweep()
        now = now_ms(account)
        assert now >= last
        last = now


def test_a_second_step_back_adds_up(account: Account) -> None:
    """Nor does it undo the first."""
    before = now_ms(account)
    go_back(account, HOUR)
    go_back(account, HOUR)
    assert (now_ms(account), ahead_ms(account)) == (before, 2 * HOUR)


def test_a_jump_forward_loses_nothing(account: Account) -> None:
    """All that comes due at once is called, settled or expired."""
    lapsed = account.granted(account.submit(other_number(1)))
    late = account.submit(other_number(2), expires=60)
    parked = account.submit(other_number(3), countdown=600)
    waiting = account.submit(other_number(4))
    account.sweep()
    account.clock.advance(HOUR)
    sweep = account.sweep()
    assert ([each.token for each in sweep.lapsed], sweep.expired) == ([lapsed.token], (late,))
    assert account.begin_next() == [waiting, parked]


def test_a_jump_that_is_taken_back_stalls_nothing(account: Account) -> None:
    """As when somebody sets the clock wrong, and then right."""
    account.sweep()
    account.clock.advance(HOUR)
    account.sweep()
    grant = account.granted(account.submit())
    account.clock.advance(-HOUR)
    account.sweep()
    account.settle(grant, ACCEPTED)
    other = account.submit(other_number(1))
    assert account.begin_next() == [other]
    again = account.submit()
    let_pass(account, round(GAP * SLOWED) + SWEEP)
    assert account.begin_next() == [again]


def test_a_grant_tells_by_how_much_it_is_ahead(account: Account) -> None:
    """The provider compares a request's time with a clock of its own, which did not go back."""
    assert account.granted(account.submit(other_number(1))).clock_ahead_ms == 0
    go_back(account)
    grant = account.granted(account.submit(other_number(2)))
    assert (grant.clock_ahead_ms, grant.now_ms - grant.clock_ahead_ms) == (HOUR, account.clock.now)


def test_its_own_time_is_told_of_a_ledger_nobody_has_swept(account: Account) -> None:
    """It is the server's."""
    account.submit()
    assert not account.client.exists(account.prefix + keys.CLOCK)
    assert ahead_ms(account) == 0


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.floats(-7200, 7200), st.booleans()), max_size=20))
def test_python_reads_the_clock_as_the_scripts_do(steps: list[tuple[float, bool]]) -> None:
    """Whatever the server's clock does, and whenever it is swept: both say the same time."""
    account = Account(fakeredis.FakeRedis(decode_responses=True))
    account.ledger.scripts = replace(account.ledger.scripts, clock=source("shared/clock"))
    with patch("time.time") as server_time:
        for seconds, is_swept in steps:
            server_time.return_value = NOON / 1000 + seconds
            if is_swept:
                account.sweep()
            assert account.ledger.scripts.now_ms() == now_ms(account)
