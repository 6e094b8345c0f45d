"""What the ledger counts: all-time totals, what they were when each day began, and the budget of a day."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.support.account import (
    ACCEPTED,
    BACKOFF,
    GAP,
    MAINTENANCE,
    MOBILE,
    NO_BALANCE,
    POLICY,
    REFUSED,
    UNCLEAR,
    UNCONFIRMED,
    Account,
    other_number,
)
from tests.support.clock import DAY, NOON, SECOND, TODAY
from voice_notify.domain.outcome import Outcome
from voice_notify.domain.reasons import Reason
from voice_notify.domain.retry import decide
from voice_notify.domain.states import State
from voice_notify.ledger import keys
from voice_notify.ledger.account_status import read_account_status
from voice_notify.ledger.ledger import Settlement
from voice_notify.ledger.numbers import read_number

#: Three billing units (85 characters each).
LONG = ("字" * 171,)


def totals(account: Account) -> dict[str, int]:
    """The counters, but for those of lateness and latency."""
    found: Any = account.client.hgetall(account.prefix + keys.TOTALS)
    return {name: int(value) for name, value in found.items() if not name.startswith(("late", "took"))}


def counter(account: Account, name: str) -> int:
    """One of the counters."""
    found: Any = account.client.hget(account.prefix + keys.TOTALS, name)
    return int(found or 0)


def waiting(account: Account) -> dict[str, int]:
    """How many wait, by reason; those that are none left out."""
    found: Any = account.client.hgetall(account.prefix + keys.COUNTS)
    prefix = "waiting:"
    return {name.removeprefix(prefix): int(n) for name, n in found.items() if name.startswith(prefix) and int(n)}


def test_an_accepted_call_is_counted_with_outcome_end_and_cost(account: Account) -> None:
    """A call that the provider took is counted with its outcome, its final state and its cost."""
    account.call(account.submit())
    assert totals(account) == {
        "submitted": 1,
        "begun": 1,
        "call:accepted:200": 1,
        "final:accepted:placed": 1,
        "units:453662": 1,
    }


@pytest.mark.parametrize(
    ("outcome", "units", "unsure"), [(ACCEPTED, 3, 0), (UNCONFIRMED, 0, 3), (REFUSED, 0, 0), (MAINTENANCE, 0, 0)]
)
def test_a_call_that_may_have_been_placed_costs_its_units(
    account: Account, outcome: Outcome, units: int, unsure: int
) -> None:
    """A call costs a unit for each 85 characters, if it was or may have been placed, and then it counts as spent."""
    account.call(account.submit(params=LONG), outcome)
    assert (counter(account, "units:453662"), counter(account, "unsure:453662")) == (units, unsure)
    spent: Any = account.client.get(account.prefix + keys.SPENT + TODAY)
    assert int(spent) == units + unsure


def test_every_attempt_and_every_end_is_counted(account: Account) -> None:
    """Every attempt and every final state is counted, a replayed letter's second end too."""
    id_ = account.submit()
    account.call(id_, MAINTENANCE)
    account.clock.advance(BACKOFF)
    account.call(id_, REFUSED)
    account.dead_letters.replay([id_], expires=60)
    account.ledger.cancel(id_)
    assert totals(account) == {
        "submitted": 1,
        "begun": 2,
        "replayed": 1,
        "call:transient:500": 1,
        "call:refused:400": 1,
        "final:dead:refused": 1,
        "final:cancelled:cancelled": 1,
    }


def test_codes_that_are_not_documented_are_counted_as_one(account: Account) -> None:
    """The provider may answer with any; each record still has its own."""
    ids = [account.submit(other_number(number)) for number in range(4)]
    for id_, code in zip(ids, ("700", "701", "999", "http-403"), strict=True):
        account.call(id_, replace(UNCLEAR, code=code))
    attempts = {name: n for name, n in totals(account).items() if name.startswith("call:")}
    assert attempts == {"call:unclear:other": 2, "call:unclear:999": 1, "call:unclear:http-403": 1}
    assert [account.explain(id_).record.code for id_ in ids] == ["700", "701", "999", "http-403"]


def submit_with(account: Account, number: int, template: str) -> str:
    """A notification of that template, to a number of its own; its id."""
    notification = account.notification(other_number(number))._replace(template_id=template)
    return account.ledger.submit(notification).id


def test_of_many_templates_the_last_are_counted_as_one(account: Account) -> None:
    """A caller may name any; those that were counted before still are."""
    account.call(submit_with(account, 1, "1"))
    account.client.hset(account.prefix + keys.TOTALS, mapping={f"unsure:x{number}": 1 for number in range(1000)})
    for number, template in enumerate(("1", "2", "3"), start=2):
        account.call(submit_with(account, number, template))
    assert [counter(account, f"units:{name}") for name in ("1", "2", "3", "other")] == [2, 0, 0, 2]


def test_a_deferred_call_is_counted_with_its_limit(account: Account) -> None:
    """Each limit has a counter of its own."""
    account.configure(call_interval_ms=100, daily_budget=3)
    account.call(account.submit())
    account.submit()
    account.client.zadd(account.prefix + keys.AGENDA, {MOBILE: account.clock.now})  # before its time
    account.begin_next()
    for number in range(3):
        account.submit(other_number(number))
    for _ in range(3):
        account.begin_next()
        account.clock.advance(100)
    assert {name: n for name, n in totals(account).items() if name.startswith("deferred")} == {
        "deferred:gap": 1,
        "deferred:rate": 1,
        "deferred:paused": 1,
    }


def test_a_call_is_late_from_when_its_time_and_its_number_allowed_it(account: Account) -> None:
    """A call is late from the moment at which its own time and its number's limits allowed it."""
    parked = account.submit(countdown=10)
    account.clock.advance(10 * SECOND)
    account.call(account.submit(other_number(1)))  # at once
    account.call(parked, takes=0)  # a second late
    behind = account.submit()
    account.clock.advance(GAP + 40)
    account.call(behind)  # 40 ms after its number was free
    found: Any = account.client.hgetall(account.prefix + keys.TOTALS)
    late = {name: int(n) for name, n in found.items() if name.startswith("late")}
    assert late == {"late:50": 2, "late:1000": 1, "late_ms": 1040}


def test_latency_is_counted_where_there_was_a_request(account: Account) -> None:
    """The time from request to reply is counted where there was one."""
    for number, took in enumerate((30, 120, 60_000, None)):
        grant = account.granted(account.submit(other_number(number)))
        step = decide(ACCEPTED, grant.attempt, POLICY, account.clock.now, 0.5)
        account.ledger.settle([Settlement(grant.id, grant.token, ACCEPTED, step, took)])
    found: Any = account.client.hgetall(account.prefix + keys.TOTALS)
    assert {name: int(n) for name, n in found.items() if name.startswith("took")} == {
        "took:50": 1,
        "took:250": 1,
        "took:inf": 1,
        "took_ms": 60_150,
    }


def test_those_that_wait_are_counted_by_their_reason(account: Account) -> None:
    """Those that wait are counted by their reason; the head of a line that waits for a limit, by that limit."""
    account.submit(countdown=60)
    account.call(account.submit(other_number(1)), MAINTENANCE)
    first = account.submit(other_number(2))
    last = account.submit(other_number(2))
    assert waiting(account) == {"not_before": 1, "backoff": 1, "new": 2}
    account.call(first)
    assert account.explain(last).record.reason == Reason.GAP
    assert waiting(account) == {"not_before": 1, "backoff": 1, "gap": 1}
    account.submit(other_number(2), priority=9)
    assert waiting(account) == {"not_before": 1, "backoff": 1, "gap": 2}
    account.clock.advance(GAP)
    account.call(first)
    assert waiting(account) == {"not_before": 1, "backoff": 1, "gap": 1}
    account.clock.advance(GAP)
    assert account.call(first).id == last
    assert waiting(account) == {"not_before": 1, "backoff": 1}


def test_what_may_be_called_now_has_no_limit_for_its_reason(account: Account) -> None:
    """Also when its line is looked at again after a limit has passed."""
    account.call(account.submit())
    account.clock.advance(GAP)
    head, _ = account.submit(), account.submit()
    account.ledger.cancel(head)
    assert waiting(account) == {"new": 1}


def test_a_days_first_change_keeps_the_totals_of_the_day_before(account: Account) -> None:
    """The first change of a day keeps the totals of the day before, for 35 days: the difference is the day's."""

    def kept(days_later: int) -> dict[str, str]:
        found: Any = account.client.hgetall(f"{account.prefix}{keys.DAY}{int(TODAY) + days_later}")
        return dict(found)

    account.call(account.submit())
    account.clock.advance(DAY)
    account.call(account.submit())
    assert [int(kept(days_later).get("call:accepted:200", 0)) for days_later in (0, 1)] == [0, 1]
    assert totals(account)["call:accepted:200"] == 2
    account.clock.advance(33 * DAY)
    assert kept(0)
    account.clock.advance(DAY)
    assert (kept(0) != {}, kept(1) != {}) == (False, True)


def test_a_batch_is_counted_as_if_each_came_alone(account: Account) -> None:
    """What is begun and settled together is counted as if each came alone."""
    ids = [account.submit(other_number(number)) for number in range(3)]
    grants = account.grant().grants
    assert [grant.id for grant in grants] == ids
    steps = [decide(ACCEPTED, grant.attempt, POLICY, account.clock.now, 0.5) for grant in grants]
    ended = [Settlement(grant.id, grant.token, ACCEPTED, step) for grant, step in zip(grants, steps, strict=True)]
    assert account.ledger.settle(ended) == ["accepted"] * 3
    assert totals(account)["call:accepted:200"] == 3
    assert account.ledger.counts()[State.ACCEPTED] == 3
    assert waiting(account) == {}


# The budget.


def test_a_spent_budget_pauses_the_account_until_the_next_day(account: Account) -> None:
    """A call that would cost more than the day's budget pauses the account until the next day in China."""
    account.configure(daily_budget=4)
    account.call(account.submit(other_number(1), params=LONG))
    id_ = account.submit(other_number(2), params=LONG)
    assert account.begin(id_) is None
    pause = account.ledger.account()
    assert pause is not None
    midnight = NOON + DAY // 2
    assert (pause.reason, pause.until_ms) == ("budget", midnight)
    account.clock.set(midnight - 1)
    assert account.begin(id_) is None
    account.clock.set(midnight)
    account.call(id_)
    assert account.ledger.account() is None


def test_a_budget_counts_calls_in_flight(account: Account) -> None:
    """Calls that are begun together, or not over yet, are within the budget too."""
    account.configure(daily_budget=2)
    ids = [account.submit(other_number(number)) for number in range(4)]
    assert account.begin_next(1) == ids[:1]
    assert account.begin_next() == ids[1:2]
    assert account.ledger.account() is not None


def test_a_refusal_gives_its_units_back(account: Account) -> None:
    """What the provider refused was not billed: another call may have its units."""
    account.configure(daily_budget=1)
    account.call(account.submit(other_number(1)), MAINTENANCE)
    account.granted(account.submit(other_number(2)))


def test_a_refusal_ends_the_pause_of_a_budget(account: Account) -> None:
    """Calls wait for what those in flight may cost, not until the next day when these cost nothing."""
    account.configure(daily_budget=1)
    in_flight = account.granted(account.submit(other_number(1)))
    id_ = account.submit(other_number(2))
    assert account.begin(id_) is None
    account.settle(in_flight, MAINTENANCE)
    account.granted(id_)


def test_a_refusal_ends_no_other_pause(account: Account) -> None:
    """What the refusal of a call begun before gives back is nothing to an account that is paused by hand."""
    account.configure(daily_budget=1)
    in_flight = account.granted(account.submit(other_number(1)))
    account.ledger.pause("wrong text")
    account.settle(in_flight, MAINTENANCE)
    assert account.begin(account.submit(other_number(2))) is None


def test_the_breakers_pause_and_the_budgets_hide_nothing_of_each_other(account: Account) -> None:
    """The account is shown with both reasons, and what ends one leaves the other."""
    account.configure(daily_budget=2)
    in_flight = [account.granted(account.submit(other_number(number))) for number in range(2)]
    assert account.begin(account.submit(other_number(2))) is None
    account.settle(in_flight[0], NO_BALANCE)
    status = read_account_status(account.ledger.scripts)
    assert [pause.reason for pause in status.pauses] == ["603"]  # the refusal gave its unit back
    assert account.ledger.account() == status.pause
    account.ledger.resume()
    account.granted(account.submit(other_number(3)))
    assert account.begin(account.submit(other_number(4))) is None
    account.ledger.pause("wrong text")
    status = read_account_status(account.ledger.scripts)
    assert [pause.reason for pause in status.pauses] == ["manual", "budget"]
    account.clock.advance(DAY)
    assert account.begin(account.submit(other_number(5))) is None
    account.ledger.resume()
    account.granted(account.submit(other_number(6)))


def test_a_spent_budget_does_not_open_an_account_whose_cooldown_is_over(account: Account) -> None:
    """No probe goes out while the budget is spent, and the probe of the next day finds out."""
    account.configure(daily_budget=2, suspect_run=1)
    account.call(account.submit(other_number(1)))
    in_flight = account.granted(account.submit(other_number(2)))
    id_ = account.submit(other_number(3))
    assert account.begin(id_) is None
    account.settle(in_flight, ACCEPTED)
    account.client.hset(account.prefix + "account", mapping={"reason": "603", "message": "", "since": 1, "until": 2})
    assert account.grant().idle_ms == NOON + DAY // 2 - account.clock.now
    assert account.begin(id_) is None
    account.clock.set(NOON + DAY // 2)
    account.granted(id_)
    pause = account.ledger.account()
    assert pause is not None
    assert pause.reason == "603"


def test_what_waits_is_due_when_the_last_pause_may_end(account: Account) -> None:
    """The breaker's cool-down ends sooner than the budget's day: nothing is foretold for the time between."""
    account.configure(daily_budget=1)
    in_flight = account.granted(account.submit(other_number(1)))
    id_ = account.submit(other_number(2))
    assert account.begin(id_) is None
    account.client.hset(
        account.prefix + "account", mapping={"reason": "603", "message": "", "since": 1, "until": NOON + 1}
    )
    explained = account.explain(id_)
    assert (explained.reason, explained.due_ms) == ("paused", NOON + DAY // 2)
    assert read_number(account.ledger.scripts, other_number(2), most=1).line[0].due_ms == NOON + DAY // 2
    account.settle(in_flight, ACCEPTED)
