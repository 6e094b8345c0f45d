"""One damaged item of many: the others are done, the counters are right, and the error is the damaged one's own."""

from __future__ import annotations

from tests.support.account import ACCEPTED, POLICY, Account, other_number
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
