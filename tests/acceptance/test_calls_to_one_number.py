"""The windows where they are hardest to keep: judged by the sandbox, from the moment at which a request arrives."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from tests.support.deployment import GAP, MAX_CALLS, PARAMS, TEMPLATE, Deployment, deploy, new_mobile
from tests.support.redis_server import run_redis_server
from voice_notify import notify
from voice_notify.domain.states import State

if TYPE_CHECKING:
    from pathlib import Path

#: Longer than two of them may be apart, and shorter than the client waits for a reply.
_DELAY = 2 * GAP
_HOUR = 3600


def _all_accepted(deployment: Deployment, mobiles: list[str]) -> None:
    """A day's calls and one more for each number are all placed, and none breaks a window."""
    ids = [deployment.send(mobile) for _ in range(MAX_CALLS + 1) for mobile in mobiles]
    assert {record.state for record in deployment.all_finished(ids)} == {State.ACCEPTED}
    assert deployment.violations() == []


def test_a_slow_network_squeezes_no_calls_together(deployment: Deployment) -> None:
    """A call that was long on its way, and the next one that was not, arrive no less than the gap apart."""
    deployment.sandbox.ask("POST", "/faults", {"network_delay": [0, _DELAY], "seed": 1})
    _all_accepted(deployment, [new_mobile() for _ in range(8)])


def test_a_refusal_races_with_the_next_call(tmp_path: Path) -> None:
    """A refused attempt releases its own call time, never that of a call which was placed."""
    rules = [{"action": 500, "percent": 40}, {"action": 609, "percent": 20}]
    with deploy(tmp_path, max_attempts=100) as deployment:
        deployment.start_worker()
        deployment.sandbox.ask("POST", "/faults", {"rules": rules, "network_delay": [0, _DELAY / 4], "seed": 1})
        _all_accepted(deployment, [new_mobile() for _ in range(8)])


def test_the_clocks_of_workers_do_not_matter(tmp_path: Path) -> None:
    """Workers whose clocks are an hour fast and an hour slow keep the windows, and their requests are taken."""
    with deploy(tmp_path, app="tests.support.skewed_app") as deployment:
        for skew in (_HOUR, -_HOUR):
            deployment.environment["SKEW"] = str(skew)
            deployment.start_worker()
        _all_accepted(deployment, [new_mobile() for _ in range(8)])


def test_two_deployments_share_one_account(tmp_path: Path) -> None:
    """Workers on brokers of their own, which know nothing of each other, keep the windows together."""
    (folder := tmp_path / "broker").mkdir()
    with deploy(tmp_path) as deployment, run_redis_server(folder) as broker:
        deployment.start_worker()
        deployment.environment["VOICE_NOTIFY_BROKER_URL"] = broker.url
        deployment.start_worker()
        _all_accepted(deployment, [new_mobile() for _ in range(8)])


def test_one_key_from_many_threads_is_one_notification(deployment: Deployment) -> None:
    """Of twenty submits with one key at the same time, one is stored, and the others get its id."""
    mobile = new_mobile()
    with ThreadPoolExecutor(20) as threads:
        results = list(threads.map(lambda _: notify.delay(mobile, TEMPLATE, PARAMS, key=f"key-{mobile}"), range(20)))
    assert len({result.id for result in results}) == 1
    assert sorted(result.duplicate for result in results) == [False] + [True] * 19
    deployment.finished(results[0].id)
    assert len(deployment.calls(mobile)) == 1
