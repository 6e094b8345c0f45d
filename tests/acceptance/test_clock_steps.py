"""The clock of Redis's host is moved while workers run: nothing stalls, nothing is lost, no window is broken."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.deployment import PARAMS, TEMPLATE, Deployment, deploy, new_mobile
from tests.support.moved_clock import MovedClock
from tests.support.sandbox import eventually
from tests.support.worker import PROCESSES
from voice_notify import notify
from voice_notify.domain.states import State
from voice_notify.ledger import keys

HOUR = 3600


@pytest.fixture
def clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MovedClock:
    """The clock of the Redis server that a deployment starts next."""
    moved = MovedClock(tmp_path)
    monkeypatch.setenv("REDIS_SERVER", str(moved.server))
    return moved


@pytest.fixture
def deployment(tmp_path_factory: pytest.TempPathFactory, clock: MovedClock) -> Iterator[Deployment]:
    """A deployment with one worker on that server; its sandbox judges by the true time."""
    assert clock.server
    with deploy(tmp_path_factory.mktemp("deployment")) as deployment:
        deployment.start_worker()
        deployment.script(latency=0.2)
        deployment.all_finished(notify.bulk([(new_mobile(), TEMPLATE, PARAMS) for _ in range(60)]).ids)
        with deployment.redis.client() as client:
            at_work = len(list(client.scan_iter(f"*{keys.GRANTED}*")))
        assert at_work == PROCESSES, "not every process knows the time yet"
        deployment.reset()
        scripts = deployment.operator.scripts
        assert eventually(lambda: scripts.client.exists(scripts.prefix + keys.CLOCK) == 1), "no sweep kept the time"
        yield deployment


def test_a_clock_that_goes_back_stalls_nothing_and_breaks_no_window(deployment: Deployment, clock: MovedClock) -> None:
    """What waits for its number, what is scheduled and what is new are all called, each in its time."""
    mobile = new_mobile()
    deployment.finished(deployment.send(mobile))
    waits = deployment.send(mobile)
    scheduled = deployment.send(new_mobile(), countdown=1)
    clock.move(-HOUR)
    new = deployment.send(new_mobile())
    records = deployment.all_finished([waits, scheduled, new])
    assert {record.state for record in records} == {State.ACCEPTED}
    for _ in range(3):
        assert deployment.finished(deployment.send(mobile)).state is State.ACCEPTED
    assert deployment.violations() == []


def test_a_clock_that_goes_back_lets_no_call_in_flight_be_forgotten(deployment: Deployment, clock: MovedClock) -> None:
    """A call whose process is killed is found by its lease, which ran on through the step."""
    mobile = new_mobile()
    deployment.answer(mobile, "hang")
    id_ = deployment.send(mobile)
    deployment.called(mobile)
    clock.move(-HOUR)
    deployment.workers[-1].kill()
    deployment.start_worker()
    record = deployment.finished(id_)
    assert (record.state, record.unconfirmed) == (State.ACCEPTED, 1)
    assert deployment.violations() == []


def test_a_clock_that_goes_forward_loses_nothing(deployment: Deployment, clock: MovedClock) -> None:
    """All that waits is called, and so is what is submitted after the clock was put right again."""
    scheduled = deployment.send(new_mobile(), countdown=HOUR / 2)
    ids = notify.bulk([(new_mobile(), TEMPLATE, PARAMS) for _ in range(20)]).ids
    clock.move(HOUR)
    assert {record.state for record in deployment.all_finished([scheduled, *ids])} == {State.ACCEPTED}
    clock.move(0)
    assert deployment.finished(deployment.send(new_mobile())).state is State.ACCEPTED
    assert eventually(lambda: deployment.sandbox.get("/summary")["requests"] == len(ids) + 2)
