"""Idempotency keys and ids: the same one means the same notification, for as long as that is known."""

from __future__ import annotations

import pytest

from tests.support.account import ACCEPTED, MOBILE, NO_BALANCE, RETENTION, Account, other_number
from tests.support.clock import DAY, SECOND
from voice_notify.domain.states import State
from voice_notify.errors import KeyConflict
from voice_notify.ledger import keys

KEY = "order-8812"


def time_to_live(account: Account, key: str = KEY) -> int:
    """How long a key is kept, in ms; -1: it does not expire, -2: it is gone."""
    left: int = account.client.pttl(account.prefix + keys.IDEMPOTENCY + key)
    return left


@pytest.mark.parametrize("known", [{"key": KEY}, {"id": "order-1"}])
@pytest.mark.parametrize("other", [{"mobile": other_number(1)}, {"params": ("李四", "3号楼")}, {"params": ()}])
def test_the_same_key_with_other_content_is_refused(
    account: Account, known: dict[str, str], other: dict[str, object]
) -> None:
    """It would be swallowed: the first is called, and the second never. The error shows neither number nor text."""
    first = account.submit(**known)
    with pytest.raises(KeyConflict) as refused:
        account.submit(**{"mobile": MOBILE, **other, **known})  # type: ignore[arg-type]
    assert not {MOBILE, other_number(1), "张三", "李四"} & set(str(refused.value).split())
    assert account.ledger.counts()[State.WAITING] == 1
    assert account.call(first).id == first


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
