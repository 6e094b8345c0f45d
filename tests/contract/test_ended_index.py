"""The lists of what ended: each day of each final state has one, as long as anything of that day is kept."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.account import ACCEPTED, REFUSED, RETENTION, UNCONFIRMED, Account, other_number
from tests.support.clock import DAY, HOUR, SECOND, TODAY
from voice_notify.domain.states import State
from voice_notify.ledger import keys


def ended(account: Account, state: State, day: int = int(TODAY)) -> list[str]:
    """The ids in the list of that state and day."""
    found: Any = account.client.lrange(f"{account.prefix}{keys.ENDED}{state}:{day}", 0, -1)
    return list(found)


def test_each_final_state_but_dead_lists_what_came_to_it(account: Account) -> None:
    """Whatever ended it: a reply, a person, its deadline, a success that came late; in the order of their ends."""
    for number, id_ in enumerate(("called", "late", "withdrawn", "too_late", "refused")):
        account.submit(other_number(number), id=id_, expires=HOUR // SECOND)
    lost = account.lose_call("late")
    account.call("called", ACCEPTED)
    account.settle(lost, ACCEPTED)
    account.call("refused", REFUSED)
    account.ledger.cancel("withdrawn")
    account.clock.advance(HOUR)
    assert account.expire() == ["too_late"]
    assert ended(account, State.ACCEPTED) == ["called", "late"]
    assert ended(account, State.CANCELLED) == ["withdrawn"]
    assert ended(account, State.EXPIRED) == ["too_late"]
    assert ended(account, State.DEAD) == []


def test_each_day_of_the_provider_has_its_list(account: Account) -> None:
    """At midnight in China another list begins."""
    for id_, later in (("yesterday", 12 * HOUR - 2 * SECOND), ("today", 0)):
        account.submit(other_number(later), id=id_)
        account.call(id_, takes=SECOND)
        account.clock.advance(later)
    assert ended(account, State.ACCEPTED) == ["yesterday"]
    assert ended(account, State.ACCEPTED, int(TODAY) + 1) == ["today"]


def test_a_list_is_kept_as_long_as_the_newest_in_it(account: Account) -> None:
    """Each that ends prolongs it; then it goes."""
    name = f"{account.prefix}{keys.ENDED}{State.ACCEPTED}:{TODAY}"
    for number in range(2):
        account.call(account.submit(other_number(number)))
        left: Any = account.client.pttl(name)
        assert RETENTION - 10 * SECOND < left <= RETENTION
        account.clock.advance(HOUR)
    account.clock.advance(RETENTION - 2 * HOUR)
    assert len(ended(account, State.ACCEPTED)) == 2
    account.clock.advance(HOUR + SECOND)
    assert ended(account, State.ACCEPTED) == []


@pytest.mark.parametrize("days", [0, 1])
def test_one_that_is_replayed_is_listed_when_it_ends(account: Account, days: int) -> None:
    """On the day of its end, whenever it died."""
    id_ = account.submit(on_unconfirmed="dead_letter")
    account.call(id_, UNCONFIRMED)
    account.clock.advance(days * DAY + HOUR)
    account.dead_letters.replay([id_], expires=60)
    account.call(id_, ACCEPTED)
    assert ended(account, State.ACCEPTED, int(TODAY) + days) == [id_]
