"""What producers, workers and operators do with the ledger is allowed by `deploy/redis-users.acl.in`."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from tests.support.account import (
    ACCEPTED,
    MAINTENANCE,
    NO_BALANCE,
    POLICY,
    REFUSED,
    TOMORROW,
    UNCLEAR,
    UNCONFIRMED,
)
from tests.support.redis_server import run_redis_server
from voice_notify.domain.notification import build_notification
from voice_notify.domain.retry import decide
from voice_notify.domain.states import State
from voice_notify.ledger.account_status import read_account_status
from voice_notify.ledger.connect import connect
from voice_notify.ledger.dead_letters import DeadLetters, Filter
from voice_notify.ledger.ledger import Ledger, Settlement, Wakeup
from voice_notify.ledger.listing import Listing, Wanted
from voice_notify.ledger.numbers import read_number
from voice_notify.ledger.statistics import Statistics
from voice_notify.settings import SecretUrl, Settings

APP_ID = "shop-1.x"


def test_each_user_can_do_its_work(tmp_path: Path) -> None:
    """From the submit to the replay, each step as the user that does it: nothing is refused, by name or by key."""
    with run_redis_server(tmp_path, users_of=APP_ID) as server, ExitStack() as stack:

        def ledger_of(user: str) -> Ledger:
            ledger = connect(Settings(app_id=APP_ID, redis_url=SecretUrl(server.url_of(user))))
            stack.enter_context(ledger.scripts.client)
            return ledger

        submit_and_withdraw(ledger_of("producer"))
        call_and_meet_every_outcome(ledger_of("worker"))
        look_and_put_right(ledger_of("operator"))
        delete_old_dead_letters(ledger_of("worker"))
        assert server.refusals() == []


def submit_and_withdraw(producer: Ledger) -> None:
    """Submit one alone, one of the same key and many together; look at one, and withdraw it."""
    made = [
        build_notification(f"1380013800{number}", "453662", ("a", "b"), templates={}, id=f"n{number}", key=f"k{number}")
        for number in range(8)
    ]
    assert not producer.submit(made[0]).duplicate
    assert producer.submit(made[0]).duplicate
    producer.submit_many([*made[1:], made[7]._replace(id="again")])
    assert producer.explain("n7").record.state is State.WAITING
    assert producer.cancel("n7") is State.WAITING


def call_and_meet_every_outcome(worker: Ledger) -> None:
    """Take what is due, begin all, and settle each with an outcome of its own."""
    assert worker.wait_for_wakeup([Wakeup.URGENT, Wakeup.ORDINARY], 1) is Wakeup.ORDINARY
    outcomes = [ACCEPTED, MAINTENANCE, TOMORROW, REFUSED, UNCLEAR, UNCONFIRMED, NO_BALANCE]
    grants = worker.grant(16, ordinary=16, process="p1", request=1).grants
    assert [grant.id for grant in grants] == [f"n{number}" for number in range(7)]
    again = worker.grant(16, ordinary=16, process="p1", request=1).grants
    assert [grant.token for grant in again] == [grant.token for grant in grants]
    settlements = [
        Settlement(grant.id, grant.token, outcome, decide(outcome, grant.attempt, POLICY, grant.now_ms, 0.5), 100)
        for grant, outcome in zip(grants, outcomes, strict=True)
    ]
    assert len(worker.settle(settlements)) == len(outcomes)
    assert worker.settle(settlements[:1]) == [State.ACCEPTED]
    worker.sweep("w1")
    worker.wake(Wakeup.URGENT)
    assert (worker.account() is not None, worker.workers()) == (True, ["w1"])


def look_and_put_right(operator: Ledger) -> None:
    """All that a person looks at and does."""
    dead_letters = DeadLetters(operator.scripts)
    assert {each.id for each in dead_letters.find(Filter())} == {"n3", "n4", "n6"}
    assert (operator.resume(), operator.pause("a test"), operator.resume()) == (True, True, True)
    assert (dead_letters.replay(["n6"], expires=60).done, dead_letters.purge(["n3"]), dead_letters.count()) == (1, 1, 1)
    assert read_account_status(operator.scripts).counts[State.ACCEPTED] == 1
    assert read_number(operator.scripts, "13800138000", most=10).left == 4
    assert Statistics(operator).read(days=2).totals.submitted == 8
    assert listed(operator, State.WAITING) == {"n1", "n2", "n5", "n6"}
    assert (listed(operator, State.CALLING), listed(operator, State.DEAD)) == (set(), {"n4"})
    assert (listed(operator, State.ACCEPTED), listed(operator, State.CANCELLED)) == ({"n0"}, {"n7"})
    assert operator.cancel("n1") is State.WAITING


def delete_old_dead_letters(worker: Ledger) -> None:
    """What nobody has moved on in time."""
    worker.scripts = replace(worker.scripts, rules=replace(worker.rules, dead_retention_ms=1))
    assert [letter.id for letter in worker.sweep("w1").dropped] == ["n4"]


def listed(operator: Ledger, state: State) -> set[str]:
    """The ids of the notifications in a state, on two pages."""
    listing = Listing(operator.scripts)
    first = listing.find(state, Wanted(), 1)
    rest = listing.find(state, Wanted(), 10, first.next).records if first.next else ()
    return {each.id for each in (*first.records, *rest)}
