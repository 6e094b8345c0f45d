"""Claiming: for what a dispatcher wakes workers, and what it settles for workers that were lost."""

from __future__ import annotations

from tests.support.account import GAP, LAPSED, LEASE, WAKEUP_LEASE, Account, other_number
from tests.support.clock import MINUTE, SECOND
from voice_notify.domain.states import State


def test_each_due_line_is_claimed_once(account: Account) -> None:
    """A line that is due is claimed by the id at its head, however many wait in it."""
    first = account.submit()
    account.submit()
    second = account.submit(other_number(1))
    assert sorted(account.claim().ids) == sorted([first, second])


def test_a_line_is_leased_to_a_wakeup(account: Account) -> None:
    """A line that was claimed is not claimed again while its wake-up may be under way; then that is presumed lost."""
    id_ = account.submit()
    assert account.claim(worker="w1").ids == (id_,)
    account.clock.advance(WAKEUP_LEASE - 1)
    assert account.claim(worker="w2").ids == ()
    account.clock.advance(1)
    assert account.claim(worker="w2").ids == (id_,)


def test_a_wakeup_takes_so_many_lines_the_longest_due_first(account: Account) -> None:
    """The next wake-up takes the others."""
    for number in range(5):
        account.submit(other_number(number), id=f"n{number}")
        account.clock.advance(1)
    claims = [account.claim(most=2) for _ in range(3)]
    assert [claim.ids for claim in claims] == [("n0", "n1"), ("n2", "n3"), ("n4",)]
    assert [claim.idle_ms for claim in claims] == [0, 0, 0]


def test_what_is_not_due_is_not_claimed_and_the_wait_is_told(account: Account) -> None:
    """The dispatcher learns for how long nothing will be due."""
    id_ = account.submit()
    account.submit()
    account.call(id_)
    claim = account.claim()
    assert (claim.ids, claim.idle_ms) == ((), GAP)
    account.clock.advance(GAP - 1)
    claim = account.claim()
    assert (claim.ids, claim.idle_ms) == ((), 1)
    account.clock.advance(1)
    assert len(account.claim().ids) == 1


def test_an_empty_agenda_tells_no_time_to_wait(account: Account) -> None:
    """Where nothing waits, nothing is known to become due."""
    claim = account.claim()
    assert (claim.ids, claim.lapsed, claim.idle_ms) == ((), (), None)


def test_no_more_wakeups_are_sent_than_live_workers_can_answer(account: Account) -> None:
    """A wake-up that was answered makes room for another; each worker that is alive adds some."""
    for number in range(5):
        account.submit(other_number(number))

    def wakeups(worker: str) -> int:
        return len(account.claim(most=1, wakeups_per_worker=1, worker=worker).ids)

    assert [wakeups("w1"), wakeups("w1")] == [1, 0]
    assert [wakeups("w2"), wakeups("w2"), wakeups("w1")] == [1, 0, 0]
    account.ledger.forget_wakeup("wakeup-1")
    assert [wakeups("w1"), wakeups("w1")] == [1, 0]


def test_due_lines_are_shared_among_the_wakeups(account: Account) -> None:
    """A wake-up takes an equal share of the lines that are due, but neither fewer than are worth it nor too many."""
    for number in range(40):
        account.submit(other_number(number))
    assert len(account.claim(fewest=2, most=10, wakeups_per_worker=2).ids) == 10
    assert len(account.claim(fewest=2, most=100, wakeups_per_worker=5).ids) == 6
    assert len(account.claim(fewest=20, most=100, wakeups_per_worker=5).ids) == 20


def test_lines_given_back_are_due_at_once(account: Account) -> None:
    """Lines that were claimed and not begun are due again at once; one in flight and one unknown are left alone."""
    waiting, calling = account.submit(other_number(1)), account.submit(other_number(2))
    account.claim()
    account.granted(calling)
    assert account.claim().ids == ()
    account.ledger.give_back([waiting, calling, "unknown"])
    assert account.claim().ids == (waiting,)


def test_a_lost_wakeup_counts_no_more(account: Account) -> None:
    """A wake-up that was not answered in time makes room for another."""
    for number in range(2):
        account.submit(other_number(number))
    assert len(account.claim(most=1, wakeups_per_worker=1).ids) == 1
    account.clock.advance(WAKEUP_LEASE - 1)
    assert account.claim(most=1, wakeups_per_worker=1).ids == ()
    account.clock.advance(1)
    assert len(account.claim(most=1, wakeups_per_worker=1).ids) == 1


def test_a_dead_worker_answers_no_wakeups(account: Account) -> None:
    """The others do not wait for the wake-ups of a worker whose dispatcher fell silent."""
    account.claim(worker="w2")
    account.clock.advance(15 * SECOND)
    for number in range(2):
        account.submit(other_number(number))
    assert len(account.claim(most=1, wakeups_per_worker=1, worker="w1").ids) == 1
    assert account.claim(most=1, wakeups_per_worker=1, worker="w1").ids == ()


def test_a_turn_that_finds_nothing_uses_up_no_wakeup(account: Account) -> None:
    """After turns of nothing, as many wake-ups as before may be sent."""
    account.claim(wakeups_per_worker=1)
    account.submit()
    assert len(account.claim(wakeups_per_worker=1).ids) == 1


def test_workers_are_named_while_they_are_heard_of(account: Account) -> None:
    """Each turn of a dispatcher is heard of for a while."""
    account.clock.set(account.ledger.scripts.now_ms())  # `workers` asks the server for its own time
    account.claim(worker="w1@host")
    account.clock.advance(-MINUTE)
    account.claim(worker="w2@host")
    assert account.ledger.workers() == ["w1@host"]


def test_a_lapsed_call_is_handed_over_with_what_decides_it(account: Account) -> None:
    """Not before its lease has run out."""
    id_ = account.submit(on_unconfirmed="dead_letter")
    grant = account.granted(id_)
    account.clock.advance(LEASE - 1)
    assert account.claim().lapsed == ()
    account.clock.advance(1)
    (lapsed,) = account.claim().lapsed
    assert (lapsed.id, lapsed.token, lapsed.now_ms) == (id_, grant.token, account.clock.now)
    assert lapsed.attempt == grant.attempt
    assert account.settle(lapsed, LAPSED) == State.DEAD


def test_one_dispatcher_settles_a_lapsed_call(account: Account) -> None:
    """A lapsed call is handed out once; again only when the dispatcher that has it had time enough to settle it."""
    account.granted(account.submit())
    account.clock.advance(LEASE)
    assert len(account.claim(worker="w1").lapsed) == 1
    assert account.claim(worker="w2").lapsed == ()
    account.clock.advance(WAKEUP_LEASE)
    assert len(account.claim(worker="w2").lapsed) == 1


def test_a_lapsed_call_keeps_its_line(account: Account) -> None:
    """Until a lapsed call is settled, nothing else in its line is claimed or begun."""
    account.granted(account.submit())
    waiting = account.submit()
    account.clock.advance(LEASE)
    claim = account.claim()
    assert (len(claim.lapsed), claim.ids) == (1, ())
    assert account.begin(waiting) is None


def test_a_pause_does_not_keep_lapsed_calls_from_being_settled(account: Account) -> None:
    """A pause keeps calls from beginning, not from being settled."""
    account.granted(account.submit())
    account.ledger.pause("maintenance")
    account.clock.advance(LEASE)
    assert len(account.claim().lapsed) == 1


def test_nothing_is_claimed_while_the_account_is_paused(account: Account) -> None:
    """Afterwards each line that became due meanwhile is."""
    ids = [account.submit(other_number(number)) for number in range(3)]
    account.ledger.pause("maintenance")
    account.clock.advance(MINUTE)
    assert account.claim().ids == ()
    account.ledger.resume()
    assert sorted(account.claim().ids) == sorted(ids)


def test_no_more_lines_are_claimed_than_the_rate_allows(account: Account) -> None:
    """With `max_calls_per_second`, that is the burst of 50 ms."""
    account.configure(call_interval_ms=20)
    for number in range(10):
        account.submit(other_number(number))
    claim = account.claim()
    assert len(claim.ids) == 3
    for id_ in claim.ids:
        account.granted(id_)
    claim = account.claim()
    assert (claim.ids, claim.idle_ms) == ((), 10)
    account.clock.advance(10)
    assert len(account.claim().ids) == 1
