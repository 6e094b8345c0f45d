"""One damaged item of many: the others are done, the counters are right, and the error is the damaged one's own."""

from __future__ import annotations

import pytest

from tests.support.account import ACCEPTED, LEASE, POLICY, REFUSED, Account, other_number
from tests.support.clock import SECOND
from voice_notify.domain.retry import decide
from voice_notify.domain.states import State
from voice_notify.errors import LedgerDamaged
from voice_notify.ledger import keys
from voice_notify.ledger.contracts import Submission
from voice_notify.ledger.ledger import Grant, Settlement


def damage(account: Account, mobile: str) -> None:
    """Make the line of a number something else than a line."""
    line = account.prefix + keys.LINE + mobile
    account.client.delete(line)
    account.client.set(line, "not a sorted set")


def test_a_damaged_line_harms_no_other_submit(account: Account) -> None:
    """Of three that are submitted at once, the one whose number's line is damaged fails, and is not counted."""
    damage(account, other_number(1))
    first, damaged, last = account.ledger.submit_many([account.notification(other_number(n)) for n in range(3)])
    assert isinstance(first, Submission)
    assert isinstance(damaged, LedgerDamaged)
    assert isinstance(last, Submission)
    assert account.ledger.counts()[State.WAITING] == 2
    assert set(account.claim().ids) == {first.id, last.id}


def test_a_damaged_line_harms_no_other_grant(account: Account) -> None:
    """Of three lines that are asked for at once, the two others are called."""
    ids = [account.submit(other_number(number)) for number in range(3)]
    damage(account, other_number(1))
    grants = account.ledger.grant([(id_, f"token-{id_}") for id_ in ids])
    assert isinstance(grants[1], LedgerDamaged)
    assert [grant.id for grant in grants if isinstance(grant, Grant)] == [ids[0], ids[2]]
    assert account.ledger.counts()[State.CALLING] == 2


def test_a_damaged_line_harms_no_other_settlement(account: Account) -> None:
    """Of three attempts that are settled at once, the two others are, and the counts hold for them."""
    grants = [account.granted(account.submit(other_number(number))) for number in range(3)]
    damage(account, other_number(1))
    steps = [decide(ACCEPTED, grant.attempt, POLICY, account.clock.now, 0.5) for grant in grants]
    settled = account.ledger.settle(
        [Settlement(grant.id, grant.token, ACCEPTED, step) for grant, step in zip(grants, steps, strict=True)]
    )
    assert settled[::2] == [State.ACCEPTED, State.ACCEPTED]
    assert isinstance(settled[1], LedgerDamaged)
    counts = account.ledger.counts()
    assert (counts[State.ACCEPTED], counts[State.CALLING]) == (2, 1)


RECORD = keys.NOTIFICATION + "a"


@pytest.mark.parametrize("field", ["created", "template", "params"])
def test_a_record_without_a_field_is_not_granted_and_nothing_of_it_is_written(account: Account, field: str) -> None:
    """Its head is not called, its line stays as it is, and the counts too; another number is called."""
    account.submit(other_number(1), id="a")
    account.submit(other_number(2), id="b")
    account.client.hdel(account.prefix + RECORD, field)
    damaged, granted = account.ledger.grant([("a", "t1"), ("b", "t2")])
    assert isinstance(damaged, LedgerDamaged)
    assert isinstance(granted, Grant)
    counts = account.ledger.counts()
    assert (counts[State.WAITING], counts[State.CALLING]) == (1, 1)
    assert account.client.zscore(account.prefix + keys.CALLING, "a") is None


def test_a_record_that_has_ended_is_not_called_from_its_line(account: Account) -> None:
    """The table of transitions refuses it, whatever left it in the line."""
    account.submit(id="a")
    account.client.hset(account.prefix + RECORD, "state", "accepted")
    (damaged,) = account.ledger.grant([("a", "t1")])
    assert isinstance(damaged, LedgerDamaged)


def test_variables_that_cannot_be_read_fail_alone(account: Account) -> None:
    """The other call of the batch is placed."""
    account.submit(other_number(1), id="a")
    account.submit(other_number(2), id="b")
    account.client.hset(account.prefix + RECORD, "params", "oops")
    damaged, granted = account.ledger.grant([("a", "t1"), ("b", "t2")])
    assert isinstance(damaged, LedgerDamaged)
    assert isinstance(granted, Grant)


def test_an_unknown_policy_leaves_the_choice_to_the_settings(account: Account) -> None:
    """As after a downgrade: neither its grant nor its lapse stops anything."""
    account.submit(id="a")
    account.client.hset(account.prefix + RECORD, "policy", "a new one")
    assert account.granted("a").attempt.on_unconfirmed is None
    account.clock.advance(LEASE)
    assert [lapsed.attempt.on_unconfirmed for lapsed in account.claim().lapsed] == [None]


def test_a_call_in_flight_whose_record_is_gone_stops_no_claim(account: Account) -> None:
    """There is nothing to settle, and what else is due is found."""
    account.granted(account.submit(other_number(1), id="a"))
    account.client.delete(account.prefix + RECORD)
    account.clock.advance(LEASE)
    due = account.submit(other_number(2))
    claim = account.claim()
    assert (claim.lapsed, due in claim.ids) == ((), True)


def test_a_waiting_record_without_its_number_stops_no_sweep(account: Account) -> None:
    """The others expire, and are counted."""
    for number in range(3):
        account.submit(other_number(number), id=f"n{number}", expires=10)
    account.client.hdel(account.prefix + keys.NOTIFICATION + "n1", "mobile")
    account.clock.advance(10 * SECOND)
    assert account.ledger.expire() == ["n0", "n2"]
    assert account.ledger.counts()[State.EXPIRED] == 2


def test_a_damaged_dead_letter_stays_where_it_is_and_the_others_are_replayed(account: Account) -> None:
    """It is neither lost nor taken for waiting, and the error says how many were done."""
    ids = [account.submit(other_number(number)) for number in range(3)]
    for id_ in ids:
        account.call(id_, REFUSED)
        account.ledger.resume()
    account.client.hdel(account.prefix + keys.NOTIFICATION + ids[1], "mobile")
    with pytest.raises(LedgerDamaged, match="2 done, 1 damaged"):
        account.dead_letters.replay(ids, expires=60)
    assert account.client.zrange(account.prefix + keys.DEAD, 0, -1) == [ids[1]]
    assert account.ledger.counts()[State.WAITING] == 2
