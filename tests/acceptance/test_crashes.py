"""A process is killed at each step of a notification's way, which ends all the same (DESIGN.md, G2 and G3)."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import voice_notify
from tests.support.deployment import PARAMS, TEMPLATE, Deployment, deploy, new_mobile, third_party_producer
from tests.support.sandbox import eventually
from tests.support.worker import CRASHING_APP, ROOT
from voice_notify import explain
from voice_notify.domain.states import State

if TYPE_CHECKING:
    from collections.abc import Iterator

PRODUCER = f"""
import sys
import {CRASHING_APP}
from voice_notify import notify
mobile, id_, template, *params = sys.argv[1:]
notify.apply_async((mobile, template, params), task_id=id_)
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, broker_url: str) -> Iterator[Deployment]:
    """A deployment whose processes can be made to die at a step."""
    folder = tmp_path_factory.mktemp("crashes")
    with deploy(folder, broker_url=broker_url, app=CRASHING_APP, connect_timeout=0.2) as deployment:
        yield deployment


@pytest.fixture
def deployment(running: Deployment) -> Iterator[Deployment]:
    """That deployment with nothing in it and one worker."""
    running.reset()
    if not any(worker.running for worker in running.workers):
        running.start_worker()
    yield running
    assert running.violations() == []


def arm(deployment: Deployment, step: str) -> None:
    """Have the next process that comes to `step` die there."""
    (deployment.folder / step).touch()


def crashed(deployment: Deployment, step: str) -> bool:
    """Whether a process has died at `step`."""
    return not (deployment.folder / step).exists()


def lost_attempts(id_: str) -> int:
    """How many attempts of unknown outcome the history of a notification shows."""
    return sum(entry.detail.startswith("lease ") for entry in explain(id_).history)


def calls_in_the_end(deployment: Deployment, mobile: str) -> int:
    """How often the number was called, once a further notification for it has ended: nothing is under way any more."""
    deployment.finished(deployment.send(mobile))
    return len(deployment.calls(mobile)) - 1


def test_what_a_killed_producer_had_stored_is_called_once(deployment: Deployment) -> None:
    """The producer did not live to learn that it was stored."""
    mobile, id_ = new_mobile(), "producer-killed"
    arm(deployment, "submitted")
    command = [sys.executable, "-c", PRODUCER, mobile, id_, TEMPLATE, *PARAMS]
    producer = subprocess.run(command, check=False, env=deployment.environment, cwd=ROOT, timeout=20)  # noqa: S603
    assert producer.returncode == -signal.SIGKILL
    assert deployment.finished(id_).state is State.ACCEPTED
    assert calls_in_the_end(deployment, mobile) == 1


def test_another_worker_goes_on_where_a_main_process_was_killed(deployment: Deployment) -> None:
    """Its pool goes with it; another worker sweeps, and calls what was submitted meanwhile."""
    mobile = new_mobile()
    arm(deployment, "swept")
    assert eventually(lambda: not deployment.workers[-1].running)
    (id_,) = voice_notify.notify.bulk([(mobile, TEMPLATE, PARAMS)]).ids
    deployment.start_worker()
    assert deployment.finished(id_).state is State.ACCEPTED
    assert calls_in_the_end(deployment, mobile) == 1


@pytest.mark.parametrize(
    ("step", "calls", "lost"),
    [("woken", 1, 0), ("begun", 1, 1), ("replied", 2, 1), ("settled", 1, 0)],
)
def test_a_killed_pool_process_costs_a_second_call_only_after_an_unknown_outcome(
    deployment: Deployment, step: str, calls: int, lost: int
) -> None:
    """The phone rings twice only where the history shows an attempt of unknown outcome."""
    mobile = new_mobile()
    arm(deployment, step)
    id_ = deployment.send(mobile)
    record = deployment.finished(id_)
    assert eventually(lambda: crashed(deployment, step))
    assert (record.state, record.unconfirmed, lost_attempts(id_)) == (State.ACCEPTED, lost, lost)
    assert calls_in_the_end(deployment, mobile) == calls


@pytest.mark.parametrize("whole_worker", [False, True])
def test_requests_on_the_wire_of_a_killed_process_follow_their_policy(
    deployment: Deployment, *, whole_worker: bool
) -> None:
    """The phones may have rung: by their policy, one is called once more and the other is left to a person."""
    again, once = new_mobile(), new_mobile()
    deployment.script(*({"mobile": mobile, "action": "hang", "count": 1} for mobile in (again, once)))
    resent = deployment.send(again)
    left = deployment.send(once, kwargs={"on_unconfirmed": "dead_letter"})
    deployment.called(again)
    deployment.called(once)
    if whole_worker:
        deployment.workers[-1].kill()
        deployment.start_worker()
    else:
        deployment.workers[-1].signal_children(signal.SIGKILL)
    records = deployment.all_finished([resent, left])
    assert [(record.state, record.unconfirmed) for record in records] == [(State.ACCEPTED, 1), (State.DEAD, 1)]
    assert (lost_attempts(resent), lost_attempts(left)) == (1, 1)
    assert (calls_in_the_end(deployment, again), calls_in_the_end(deployment, once)) == (2, 1)


def test_a_third_party_message_survives_the_process_that_took_it(deployment: Deployment) -> None:
    """Killed between submit and acknowledgement: the broker delivers it again, and the phone rings once."""
    mobile = new_mobile()
    arm(deployment, "submitted")
    with third_party_producer(deployment.broker_url) as shop:
        shop.send_task("voice_notify.notify", [mobile, TEMPLATE, list(PARAMS)], task_id="order-8813")
    assert eventually(lambda: crashed(deployment, "submitted"))
    log = deployment.workers[-1].log
    assert eventually(lambda: "notify[order-8813] succeeded" in log.read_text(encoding="utf-8"))
    assert deployment.finished("order-8813").state is State.ACCEPTED
    assert calls_in_the_end(deployment, mobile) == 1
