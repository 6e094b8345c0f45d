"""SIGTERM and Ctrl-C: what is on the wire is finished, what is not begun stays, nothing is lost or repeated."""

from __future__ import annotations

import signal
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.deployment import PARAMS, TEMPLATE, Deployment, deploy, new_mobile
from tests.support.sandbox import eventually
from tests.support.worker import Worker
from voice_notify import explain, notify
from voice_notify.accounts import current_account
from voice_notify.domain.states import State
from voice_notify.ledger import keys
from voice_notify.ledger.bands import time_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


#: Of the two processes of a worker.
IN_FLIGHT = 4


@pytest.fixture
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A deployment in which each process places two calls at once, and a call may take 3 s."""
    with deploy(tmp_path_factory.mktemp("deployment"), calls_in_flight=2, read_timeout=3) as deployment:
        yield deployment


def states(ids: list[str]) -> Counter[State]:
    """How many notifications are in which state."""
    return Counter(explain(id_).record.state for id_ in ids)


def test_a_stopped_worker_finishes_its_calls(deployment: Deployment) -> None:
    """On SIGTERM the worker waits for its calls, which outlive the Celery tasks that began them."""
    worker = deployment.start_worker()
    deployment.script(latency=2)  # a pool process that does not wait for its calls ends after 1 s
    mobiles = [new_mobile(), new_mobile()]
    ids = [deployment.send(mobile) for mobile in mobiles]
    for mobile in mobiles:
        deployment.called(mobile)
    assert states(ids) == {State.CALLING: 2}
    assert worker.stop() == 0
    assert states(ids) == {State.ACCEPTED: 2}
    assert deployment.sandbox.get("/summary")["requests"] == len(ids)


def test_what_is_not_begun_is_due_at_once(deployment: Deployment) -> None:
    """A stopped worker leaves nothing behind that would keep another from calling it."""
    worker = deployment.start_worker()
    deployment.script(latency=0.6)
    mobiles = [new_mobile() for _ in range(30)]
    notify.bulk([(mobile, TEMPLATE, PARAMS) for mobile in mobiles])
    assert eventually(lambda: len(deployment.sandbox.get("/calls")) == IN_FLIGHT)
    worker.stop()
    assert len(deployment.sandbox.get("/calls")) == IN_FLIGHT
    client, prefix = current_account().ledger.scripts.client, current_account().ledger.scripts.prefix
    entries: Any = client.zrange(prefix + keys.AGENDA, 0, -1, withscores=True)
    called = {call["mobile"] for call in deployment.sandbox.get("/calls")}
    due = {mobile for mobile, score in entries if time_of(score) <= current_account().ledger.scripts.now_ms()}
    assert due == set(mobiles) - called != set()


@pytest.mark.parametrize("stop", [Worker.stop, Worker.interrupt])
def test_another_worker_takes_over_what_a_stopped_one_left(
    deployment: Deployment, stop: Callable[[Worker], int]
) -> None:
    """Stopped under load, a worker leaves nothing in flight; the next one calls the rest, and no phone rings twice."""
    worker = deployment.start_worker()
    deployment.script(latency=0.2)
    mobiles = [new_mobile() for _ in range(40)]
    ids = [deployment.send(mobile) for mobile in mobiles]
    assert eventually(lambda: len(deployment.sandbox.get("/calls")) >= 4)
    stop(worker)
    assert states(ids).keys() == {State.ACCEPTED, State.WAITING}
    deployment.script(latency=0)
    deployment.start_worker()
    assert {record.state for record in deployment.all_finished(ids)} == {State.ACCEPTED}
    assert Counter(call["mobile"] for call in deployment.sandbox.get("/calls")) == dict.fromkeys(mobiles, 1)


@pytest.mark.parametrize("pause", [0, 0.002, 0.3])
def test_a_second_sigterm_ends_nothing(deployment: Deployment, pause: float) -> None:
    """Whoever is impatient, or a supervisor that tells every process of the group, rings nobody's phone twice."""
    worker = deployment.start_worker()
    deployment.script(latency=2)
    mobiles = [new_mobile() for _ in range(IN_FLIGHT)]
    ids = [deployment.send(mobile) for mobile in mobiles]
    for mobile in mobiles:
        deployment.called(mobile)
    worker.terminate_group()
    for _ in range(5):
        time.sleep(pause)
        worker.terminate_group()
    worker.stop()
    assert states(ids) == {State.ACCEPTED: IN_FLIGHT}
    assert deployment.sandbox.get("/summary")["requests"] == IN_FLIGHT


def test_sigterm_to_one_process_has_it_finish_its_calls(deployment: Deployment) -> None:
    """The pool replaces it; the worker goes on."""
    worker = deployment.start_worker()
    deployment.script(latency=1)
    id_ = deployment.send(new_mobile())
    assert eventually(lambda: len(deployment.sandbox.get("/calls")) == 1)
    before = set(worker.children())
    for _ in range(2):
        worker.signal_children(signal.SIGTERM)
        time.sleep(0.1)
    assert deployment.finished(id_).state is State.ACCEPTED
    assert eventually(lambda: len(worker.children()) == len(before) and not before & set(worker.children()))
    assert deployment.finished(deployment.send(new_mobile())).state is State.ACCEPTED
    assert deployment.sandbox.get("/summary")["requests"] == 2
    assert worker.stop() == 0
