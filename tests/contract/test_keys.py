"""Idempotency keys and ids: the same one means the same notification, for as long as that is known."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.account import ACCEPTED, GAP, MOBILE, NO_BALANCE, RETENTION, Account, other_number
from tests.support.clock import DAY, SECOND
from voice_notify.domain.states import State
from voice_notify.errors import KeyConflict
from voice_notify.ledger import keys
from voice_notify.ledger.contracts import Submission

KEY = "order-8812"


def time_to_live(account: Account, key: str = KEY) -> int:
    """How long a key is kept, in ms; -1: it does not expire, -2: it is gone."""
    left: int = account.client.pttl(account.prefix + keys.IDEMPOTENCY + key)
    return left


def refuses(account: Account, **other: Any) -> None:  # noqa: ANN401 - what differs
    """The same key, and the same id, with something else is refused; the error shows neither number nor text."""
    for known in ({"key": KEY}, {"id": "order-1"}):
        first = account.submit(**known)
        with pytest.raises(KeyConflict) as refused:
            account.submit(**{"mobile": MOBILE, **other, **known})
        shown = str(refused.value)
        assert not any(secret in shown for secret in (MOBILE, other_number(1), "张三", "李四"))
        assert account.call(first).id == first
        account.clock.advance(GAP)


def test_another_number_is_a_conflict(account: Account) -> None:
    """The second would be swallowed: the first is called, and the other person never."""
    refuses(account, mobile=other_number(1))


def test_other_variables_are_a_conflict(account: Account) -> None:
    """The callee would hear something else than what was submitted."""
    refuses(account, params=("李四", "3号楼"))


def test_a_conflict_in_a_batch_leaves_the_others(account: Account) -> None:
    """Of many that are submitted at once, only the one with the conflict is refused."""
    account.submit(key=KEY)
    submitted = account.ledger.submit_many(
        [account.notification(other_number(n), key=KEY if n == 1 else None) for n in range(3)]
    )
    assert [type(each) is KeyConflict for each in submitted] == [False, True, False]


def test_a_key_lives_as_long_as_its_notification(account: Account) -> None:
    """A notification that waits for longer than `retention` is not submitted twice."""
    account.submit(key=KEY, countdown=8 * DAY // SECOND, expires=30 * DAY // SECOND)
    assert time_to_live(account) == -1
    account.clock.advance(RETENTION + SECOND)
    assert account.submission(key=KEY).duplicate


def test_a_key_is_kept_for_retention_after_the_end(account: Account) -> None:
    """From the end on it lives as long as the record."""
    id_ = account.submit(key=KEY)
    account.call(id_, ACCEPTED)
    assert RETENTION - 10 * SECOND < time_to_live(account) <= RETENTION


def test_a_dead_letter_keeps_its_key_until_it_is_purged(account: Account) -> None:
    """While a person may replay it, another submit with its key is the same notification."""
    id_ = account.submit(key=KEY)
    account.call(id_, NO_BALANCE)
    assert time_to_live(account) == -1
    assert account.submission(key=KEY).state is State.DEAD
    account.dead_letters.purge([id_])
    assert time_to_live(account) == -2


@pytest.mark.parametrize("end", [State.CANCELLED, State.ACCEPTED])
def test_a_submit_says_what_became_of_the_known_one(account: Account, end: State) -> None:
    """The caller learns that the notification with its key has ended, and how."""
    assert account.submission(key=KEY, id="a").state is State.WAITING
    if end is State.CANCELLED:
        account.ledger.cancel("a")
    else:
        account.call("a", ACCEPTED)
    again = account.submission(key=KEY)
    assert (again.duplicate, again.id, again.state) == (True, "a", end)


def test_a_key_without_its_record_may_be_used_anew(account: Account) -> None:
    """A key that points to nothing, as after a repair, does not swallow a notification."""
    account.submit(key=KEY, id="a")
    account.client.delete(account.prefix + keys.NOTIFICATION + "a")
    (found,) = account.ledger.submit_many([account.notification(key=KEY, id="b")])
    assert isinstance(found, Submission)
    assert (found.id, found.duplicate) == ("b", False)
