"""One damaged item of many: the others are done, the counters are right, and the error is the damaged one's own."""

from __future__ import annotations

import pytest

from tests.support.account import ACCEPTED, GAP, LEASE, MOBILE, POLICY, REFUSED, Account, other_number
from tests.support.clock import SECOND
from voice_notify.domain.retry import decide
from voice_notify.domain.states import State
from voice_notify.errors import LedgerDamaged
from voice_notify.ledger import keys
from voice_notify.ledger.contracts import Submission
from voice_notify.ledger.ledger import Settlement
from voice_notify.ledger.results import Undecided

#: How long a damaged line is put off.
PUT_OFF = 5 * SECOND


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
    assert account.begin_next() == [first.id, last.id]


def test_a_damaged_line_harms_no_other_grant(account: Account) -> None:
    """Of three lines that are due at once, the two others are called, and the damage is told without the number."""
    ids = [account.submit(other_number(number)) for number in range(3)]
    damage(account, other_number(1))
    granted = account.grant()
    assert [grant.id for grant in granted.grants] == [ids[0], ids[2]]
    (damaged,) = granted.damaged
    assert "139****0001" in str(damaged)
    assert other_number(1) not in str(damaged)
    assert account.ledger.counts()[State.CALLING] == 2


def test_a_damaged_line_is_put_off(account: Account) -> None:
    """It is looked at again after 5 s, and called once it is repaired; meanwhile it keeps nobody from sleeping."""
    account.submit(id="a")
    line = account.prefix + keys.LINE + MOBILE
    account.client.rename(line, "elsewhere")
    account.client.set(line, "not a sorted set")
    granted = account.grant()
    assert (len(granted.damaged), granted.idle_ms) == (1, PUT_OFF)
    account.clock.advance(PUT_OFF - 1)
    granted = account.grant()
    assert (granted.damaged, granted.idle_ms) == ((), 1)
    account.clock.advance(1)
    assert len(account.grant().damaged) == 1
    account.client.rename("elsewhere", line)
    account.clock.advance(PUT_OFF)
    assert account.begin_next() == ["a"]


def test_many_damaged_lines_hold_up_no_other(account: Account) -> None:
    """However many there are, and however urgent: each is put off, until those that are called are reached."""
    for number in range(200):
        account.submit(other_number(number), priority=9)
        damage(account, other_number(number))
    waiting = account.submit(other_number(200))
    damaged = 0
    for _ in range(4):
        granted = account.grant()
        damaged += len(granted.damaged)
        if granted.grants:
            break
        assert granted.idle_ms == 0
    assert [grant.id for grant in granted.grants] == [waiting]
    assert damaged == 200


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
    granted = account.grant()
    assert (len(granted.damaged), [grant.id for grant in granted.grants]) == (1, ["b"])
    counts = account.ledger.counts()
    assert (counts[State.WAITING], counts[State.CALLING]) == (1, 1)
    assert account.client.zscore(account.prefix + keys.CALLING, "a") is None


def test_a_record_that_has_ended_is_not_called_from_its_line(account: Account) -> None:
    """The table of transitions refuses it, whatever left it in the line."""
    account.submit(id="a")
    account.client.hset(account.prefix + RECORD, "state", "accepted")
    granted = account.grant()
    assert (len(granted.damaged), granted.grants) == (1, ())


def test_variables_that_cannot_be_read_fail_alone(account: Account) -> None:
    """The other call of the batch is placed; this one is told, and its lease runs out."""
    account.submit(other_number(1), id="a")
    account.submit(other_number(2), id="b")
    account.client.hset(account.prefix + RECORD, "params", "oops")
    granted = account.grant()
    assert (len(granted.damaged), [grant.id for grant in granted.grants]) == (1, ["b"])
    account.clock.advance(LEASE)
    assert [lapsed.id for lapsed in account.sweep().lapsed] == ["a", "b"]


def test_an_unknown_policy_leaves_the_choice_to_the_settings(account: Account) -> None:
    """As after a downgrade: neither its grant nor its lapse stops anything."""
    account.submit(id="a")
    account.client.hset(account.prefix + RECORD, "policy", "a new one")
    assert account.granted("a").attempt.on_unconfirmed is None
    account.clock.advance(LEASE)
    assert [lapsed.attempt.on_unconfirmed for lapsed in account.sweep().lapsed] == [None]


def test_a_call_in_flight_whose_record_is_gone_stops_no_sweep(account: Account) -> None:
    """There is nothing to settle, and what else is due is found."""
    for number, id_ in enumerate("abc"):
        account.granted(account.submit(other_number(number), id=id_))
    account.client.delete(account.prefix + RECORD)
    account.clock.advance(LEASE)
    assert [lapsed.id for lapsed in account.sweep().lapsed] == ["b", "c"]


def test_a_record_that_is_gone_does_not_block_its_line(account: Account) -> None:
    """The next in line is called at once, and the loss is named without the number."""
    account.submit(id="a")
    account.submit(id="b")
    account.client.delete(account.prefix + RECORD)
    granted = account.grant()
    (damaged,) = granted.damaged
    assert "the record of a is gone" in str(damaged)
    assert MOBILE not in str(damaged)
    assert [grant.id for grant in granted.grants] == ["b"]
    assert account.client.zscore(account.prefix + keys.DEADLINES, "a") is None


def test_a_record_that_is_gone_leaves_its_number_off_the_agenda(account: Account) -> None:
    """Where nothing else waits, there is nothing to look at any more."""
    account.submit(id="a")
    account.client.delete(account.prefix + RECORD)
    assert len(account.grant().damaged) == 1
    granted = account.grant()
    assert (granted.damaged, granted.idle_ms) == ((), None)


def test_a_call_in_flight_whose_record_is_gone_does_not_block_its_line(account: Account) -> None:
    """Its call may have rung: the next one keeps the gap from it. Its reply finds nothing to settle."""
    grant = account.granted(account.submit(id="a"))
    account.client.delete(account.prefix + RECORD)
    account.submit(id="b")
    assert account.settle(grant, ACCEPTED) == Undecided.GONE
    account.clock.advance(LEASE + SECOND)
    account.sweep()
    assert len(account.grant().damaged) == 1
    account.clock.advance(GAP - LEASE - SECOND - 1)
    assert account.begin_next() == []
    account.clock.advance(1)
    assert account.begin_next() == ["b"]


def test_one_in_line_with_a_call_whose_record_is_gone_can_be_cancelled(account: Account) -> None:
    """What is asked of it fails for no other's loss."""
    account.granted(account.submit(id="a"))
    account.submit(id="b")
    account.client.delete(account.prefix + RECORD)
    assert account.ledger.cancel("b") is State.WAITING


def test_a_waiting_record_without_its_number_stops_no_sweep(account: Account) -> None:
    """The others expire, and are counted."""
    for number in range(3):
        account.submit(other_number(number), id=f"n{number}", expires=10)
    account.client.hdel(account.prefix + keys.NOTIFICATION + "n1", "mobile")
    account.clock.advance(10 * SECOND)
    assert account.expire() == ["n0", "n2"]
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
