"""The account's breaker: when nothing is called any more, and how it is found out that calls go out again."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import pytest

from tests.support.account import (
    ACCEPTED,
    COOLDOWN,
    COOLDOWN_MAX,
    LAPSED,
    LEASE,
    MAINTENANCE,
    NO_BALANCE,
    REFUSED,
    RETENTION,
    TOMORROW,
    UNCLEAR,
    UNCONFIRMED,
    Account,
    other_number,
)
from tests.support.clock import DAY, HOUR, MINUTE, NOON, SECOND
from voice_notify.domain.outcome import Outcome
from voice_notify.domain.states import State
from voice_notify.ledger import keys
from voice_notify.ledger.breaker import Pause
from voice_notify.ledger.ledger import Grant

MIDNIGHT = NOON + 12 * HOUR
OTHER_REFUSAL = replace(REFUSED, code="401")
_numbers = count()


def call_a_number(account: Account, outcome: Outcome) -> None:
    """Call a number that was not called before."""
    account.call(account.submit(other_number(next(_numbers))), outcome, takes=0)


def pause_the_account(account: Account) -> Pause:
    """Have the provider refuse every call."""
    call_a_number(account, NO_BALANCE)
    paused = account.ledger.account()
    assert paused is not None
    return paused


def begin_the_probe(account: Account, paused: Pause) -> Grant:
    """Wait for the cool-down, and begin a call to a number that was not called before."""
    assert paused.until_ms is not None
    account.clock.set(paused.until_ms)
    return account.granted(account.submit(other_number(next(_numbers))))


def test_a_failure_of_the_account_pauses_it_for_the_cooldown(account: Account) -> None:
    """A code that says that every call will fail; the pause has the provider's `msg`."""
    call_a_number(account, NO_BALANCE)
    assert account.ledger.account() == Pause("603", NO_BALANCE.message, NOON, NOON + COOLDOWN)


def test_nothing_is_lost_while_paused(account: Account) -> None:
    """The notification that met the failure is a dead letter; the others keep their place, and are called later."""
    ids = [account.submit(other_number(next(_numbers))) for _ in range(3)]
    met = account.submit()
    account.call(met, NO_BALANCE)
    assert account.state(met) is State.DEAD
    assert [account.begin(id_) for id_ in ids] == [None, None, None]
    account.ledger.resume()
    assert [account.granted(id_).id for id_ in ids] == ids


def test_a_run_of_refusals_does_not_grow_while_the_account_is_paused(account: Account) -> None:
    """The numbers that the refused calls in flight bring in then say nothing new, and are not kept."""
    account.configure(suspect_run=2)
    grants = [account.granted(account.submit(other_number(number))) for number in range(5)]
    for grant in grants:
        account.settle(grant, REFUSED)
    assert account.ledger.account() is not None
    assert account.client.scard(account.prefix + keys.RUN) == 2
    assert 0 < account.client.pttl(account.prefix + keys.RUN) <= RETENTION


def test_after_the_cooldown_one_probe_begins_and_the_others_wait(account: Account) -> None:
    """When the cool-down is over, one call begins: the probe. The next is looked for when its lease has run out."""
    paused = pause_the_account(account)
    ids = [account.submit(other_number(next(_numbers))) for _ in range(3)]
    granted = account.grant()
    assert (granted.grants, granted.idle_ms) == ((), COOLDOWN)
    account.clock.set(NOON + COOLDOWN - 1)
    granted = account.grant()
    assert (granted.grants, granted.idle_ms) == ((), 1)
    account.clock.advance(1)
    assert paused.until_ms == account.clock.now
    granted = account.grant()
    assert ([grant.id for grant in granted.grants], granted.idle_ms) == (ids[:1], LEASE)
    granted = account.grant(process="p2")
    assert (granted.grants, granted.idle_ms) == ((), LEASE)


def test_the_probe_is_the_most_urgent_call(account: Account) -> None:
    """An urgent one is not kept waiting by the probe of an ordinary one."""
    paused = pause_the_account(account)
    account.submit(other_number(next(_numbers)))
    urgent = account.submit(other_number(next(_numbers)), priority=9)
    assert paused.until_ms is not None
    account.clock.set(paused.until_ms)
    assert account.begin_next() == [urgent]


def test_an_accepted_probe_resumes_the_account(account: Account) -> None:
    """A probe that is accepted resumes the account at once."""
    probe = begin_the_probe(account, pause_the_account(account))
    account.settle(probe, ACCEPTED)
    assert account.ledger.account() is None
    account.granted(account.submit())


def test_a_failed_probe_doubles_the_cooldown_up_to_its_maximum(account: Account) -> None:
    """A probe that meets the failure again doubles the cool-down, up to its maximum."""
    paused = pause_the_account(account)
    for minutes in (2, 4, 8, 15, 15):
        probe = begin_the_probe(account, paused)
        account.clock.advance(SECOND)
        account.settle(probe, NO_BALANCE)
        paused = Pause("603", NO_BALANCE.message, NOON, account.clock.now + minutes * MINUTE)
        assert account.ledger.account() == paused
    assert COOLDOWN_MAX == 15 * MINUTE


def test_after_a_success_the_cooldown_begins_anew(account: Account) -> None:
    """After a success the next pause begins with the first cool-down again."""
    paused = pause_the_account(account)
    account.settle(begin_the_probe(account, paused), NO_BALANCE)
    paused = account.ledger.account() or paused
    account.settle(begin_the_probe(account, paused), ACCEPTED)
    assert pause_the_account(account).until_ms == account.clock.now + COOLDOWN


@pytest.mark.parametrize("outcome", [MAINTENANCE, UNCONFIRMED, UNCLEAR, REFUSED], ids=lambda outcome: outcome.kind)
def test_a_probe_that_says_nothing_of_the_account_is_followed_by_another(account: Account, outcome: Outcome) -> None:
    """A probe that says nothing about the account leaves the pause as it is; another follows after the cool-down."""
    paused = pause_the_account(account)
    probe = begin_the_probe(account, paused)
    account.settle(probe, outcome)
    assert account.ledger.account() == replace(paused, until_ms=account.clock.now + COOLDOWN)


def test_a_lost_probe_is_followed_by_another(account: Account) -> None:
    """If the worker of the probe dies, another probe follows when its lease has run out."""
    paused = pause_the_account(account)
    begin_the_probe(account, paused)
    waiting = account.submit()
    account.clock.advance(LEASE - 1)
    assert account.begin(waiting) is None
    account.clock.advance(1)
    (lapsed,) = account.sweep().lapsed
    account.settle(lapsed, LAPSED)
    account.clock.advance(COOLDOWN - 1)
    assert account.begin(waiting) is None
    account.clock.advance(1)
    account.granted(waiting)


@pytest.mark.parametrize("outcome", [ACCEPTED, NO_BALANCE], ids=lambda outcome: outcome.kind)
def test_a_call_begun_before_the_pause_changes_nothing_about_it(account: Account, outcome: Outcome) -> None:
    """A call that began before the pause neither ends nor lengthens it: only the probe is heard."""
    early = account.granted(account.submit())
    paused = pause_the_account(account)
    account.clock.advance(SECOND)
    account.settle(early, outcome)
    assert account.ledger.account() == paused


def test_a_person_resumes_at_once_and_the_probe_decides_nothing(account: Account) -> None:
    """A person resumes a paused account at once; a probe in flight then decides nothing but for itself."""
    probe = begin_the_probe(account, pause_the_account(account))
    assert account.ledger.resume()
    assert account.ledger.account() is None
    account.settle(probe, MAINTENANCE)
    assert account.ledger.account() is None
    assert not account.ledger.resume()


def test_a_pause_by_hand_lasts_until_a_person_resumes(account: Account) -> None:
    """A pause by hand has no probe: it lasts until a person resumes the account."""
    assert account.ledger.pause("new contract")
    assert account.ledger.account() == Pause("manual", "new contract", NOON, None)
    id_ = account.submit()
    account.clock.advance(6 * DAY)
    granted = account.grant()
    assert (granted.grants, granted.idle_ms) == ((), None)
    assert account.begin(id_) is None
    assert not account.ledger.pause("again")
    assert account.ledger.resume()
    account.granted(id_)


def test_a_pause_by_hand_outdoes_the_breaker(account: Account) -> None:
    """A person may pause an account that is paused already; neither its probe nor a failure undoes that."""
    early = account.granted(account.submit())
    probe = begin_the_probe(account, pause_the_account(account))
    assert account.ledger.pause("new contract")
    manual = account.ledger.account()
    account.settle(probe, ACCEPTED)
    account.settle(early, NO_BALANCE)
    assert account.ledger.account() == manual == Pause("manual", "new contract", account.clock.now, None)


def test_a_run_of_refusals_pauses_the_account_as_suspect(account: Account) -> None:
    """`suspect_run` refusals in a row, with one code, from different numbers, pause the account as suspect."""
    for _ in range(2):
        call_a_number(account, REFUSED)
        assert account.ledger.account() is None
    call_a_number(account, REFUSED)
    assert account.ledger.account() == Pause("suspect", f"400 {REFUSED.message}", NOON, NOON + COOLDOWN)


@pytest.mark.parametrize(
    ("run", "why"),
    [
        ([REFUSED, REFUSED, ACCEPTED, REFUSED, REFUSED], "a success between"),
        ([REFUSED, REFUSED, OTHER_REFUSAL, OTHER_REFUSAL, REFUSED, REFUSED], "two codes"),
        ([MAINTENANCE, UNCLEAR, UNCONFIRMED, MAINTENANCE, UNCLEAR], "not refused permanently"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_run_of_one_refusal_pauses_nothing(account: Account, run: list[Outcome], why: str) -> None:
    """Neither are refusals with other codes or a success between, nor what is no permanent refusal."""
    for outcome in run:
        call_a_number(account, outcome)
    assert account.ledger.account() is None, why


def test_refusals_of_one_number_pause_nothing(account: Account) -> None:
    """However often one number is refused, that is about the number, not the account."""
    for _ in range(5):
        account.call(account.submit(), REFUSED)
    assert account.ledger.account() is None


def test_a_refused_probe_keeps_a_suspect_account_paused_for_longer(account: Account) -> None:
    """A probe that is refused with the same code doubles the cool-down; a success ends the run."""
    for _ in range(3):
        call_a_number(account, REFUSED)
    paused = account.ledger.account()
    assert paused is not None
    account.settle(begin_the_probe(account, paused), REFUSED)
    paused = account.ledger.account()
    assert paused == Pause("suspect", f"400 {REFUSED.message}", NOON, account.clock.now + 2 * COOLDOWN)
    account.settle(begin_the_probe(account, paused), ACCEPTED)
    for _ in range(2):
        call_a_number(account, REFUSED)
    assert account.ledger.account() is None


def test_a_run_of_606_pauses_the_account_until_the_next_day(account: Account) -> None:
    """606 from `suspect_run` different numbers in a row pauses the account until the provider's next day."""
    for _ in range(3):
        call_a_number(account, TOMORROW)
    assert account.ledger.account() == Pause("quota", f"606 {TOMORROW.message}", NOON, MIDNIGHT)
    account.clock.set(MIDNIGHT - 1)
    assert account.begin_next() == []
    account.clock.set(MIDNIGHT)
    (probe,) = account.grant().grants
    account.settle(probe, ACCEPTED)
    assert account.ledger.account() is None


def test_a_probe_that_meets_606_again_pauses_for_another_day(account: Account) -> None:
    """A probe that meets 606 again pauses the account for another day, for the same reason."""
    for _ in range(3):
        call_a_number(account, TOMORROW)
    account.clock.set(MIDNIGHT)
    (probe,) = account.grant().grants
    account.settle(probe, TOMORROW)
    assert account.ledger.account() == Pause("quota", f"606 {TOMORROW.message}", NOON, MIDNIGHT + DAY)


def test_a_run_of_606_before_midnight_pauses_for_the_cooldown_at_least(account: Account) -> None:
    """A pause until the next day is never shorter than the cool-down."""
    account.clock.set(MIDNIGHT - SECOND)
    for _ in range(3):
        call_a_number(account, TOMORROW)
    paused = account.ledger.account()
    assert paused is not None
    assert paused.until_ms == MIDNIGHT - SECOND + COOLDOWN
