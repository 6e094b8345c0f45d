"""When a message that came again is given up."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import fakeredis
import pytest

from tests.support.account import Account
from voice_notify.delivery.redeliveries import DeliveredTooOften, Redeliveries
from voice_notify.errors import StoreUnavailable
from voice_notify.ledger.broker_messages import BrokerMessages


@pytest.fixture
def redeliveries() -> Redeliveries:
    """With nothing counted yet."""
    return Redeliveries(BrokerMessages(Account(fakeredis.FakeRedis(decode_responses=True)).ledger.scripts))


def message(*, id_: str = "a", again: bool = True, rabbitmq: bool = False) -> Any:  # noqa: ANN401 - kombu's
    """One as kombu delivers it from Redis, or from RabbitMQ."""
    headers: dict[str, object] = {"id": id_} if rabbitmq or not again else {"id": id_, "redelivered": True}
    return SimpleNamespace(headers=headers, delivery_info={"redelivered": again} if rabbitmq else {}, body=b"[]")


@pytest.mark.parametrize("rabbitmq", [False, True])
def test_the_fourth_delivery_is_not_made(redeliveries: Redeliveries, *, rabbitmq: bool) -> None:
    """Each of three ended its process."""
    redeliveries.begin(message(again=False, rabbitmq=rabbitmq))
    redeliveries.begin(message(rabbitmq=rabbitmq))
    redeliveries.begin(message(rabbitmq=rabbitmq))
    redeliveries.begin(message(id_="b", rabbitmq=rabbitmq))
    with pytest.raises(DeliveredTooOften):
        redeliveries.begin(message(rabbitmq=rabbitmq))


def test_a_process_that_lives_lets_it_be_counted_anew(redeliveries: Redeliveries) -> None:
    """A message that goes back because Redis cannot be used may do so as often as that happens."""
    for _ in range(9):
        redeliveries.begin(message())
        redeliveries.end(message())


def test_what_cannot_be_counted_is_delivered() -> None:
    """Nothing is given up because Redis cannot be used."""

    class Unavailable:
        def count_redelivery(self, _: str) -> int:
            raise StoreUnavailable

        def forget_redeliveries(self, _: str) -> None:
            raise StoreUnavailable

    redeliveries = Redeliveries(Unavailable())  # type: ignore[arg-type]
    for _ in range(9):
        redeliveries.begin(message())
        redeliveries.end(message())
