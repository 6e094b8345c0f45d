"""Messages of the broker that could not be processed: a short list of them, and how often one came again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support.account import Account
from voice_notify.ledger import keys
from voice_notify.ledger.broker_messages import KEPT_FOR, KEPT_MESSAGES, BrokerMessages


@pytest.fixture
def messages(account: Account) -> BrokerMessages:
    """Those of an account's queue."""
    return BrokerMessages(account.ledger.scripts)


def test_the_newest_are_kept(account: Account, messages: BrokerMessages) -> None:
    """However many there are; and not for ever, since they can hold a number."""
    for n in range(KEPT_MESSAGES + 5):
        messages.set_aside(f"message {n}")
    key = account.prefix + keys.SET_ASIDE
    kept = account.client.lrange(key, 0, -1)
    assert kept == [f"message {n}" for n in reversed(range(5, KEPT_MESSAGES + 5))]
    assert 0 < account.client.ttl(key) <= KEPT_FOR / timedelta(seconds=1)


def test_redeliveries_are_counted_for_each_message(account: Account, messages: BrokerMessages) -> None:
    """Until one of them has an end, and for an hour at most."""
    assert [messages.count_redelivery("a"), messages.count_redelivery("a"), messages.count_redelivery("b")] == [1, 2, 1]
    messages.forget_redeliveries("a")
    assert [messages.count_redelivery("a"), messages.count_redelivery("b")] == [1, 2]
    assert 0 < account.client.ttl(account.prefix + keys.REDELIVERIES + "b") <= 3600
