"""The provider is ill: nothing that waits is lost or used up, and all is called when it is well again."""

from __future__ import annotations

import socket
from collections import Counter
from typing import TYPE_CHECKING, Any

import voice_notify
from tests.support.deployment import PARAMS, TEMPLATE, Deployment, deploy, new_mobile
from tests.support.sandbox import PATH, eventually, run_sandbox
from voice_notify.domain.states import State

if TYPE_CHECKING:
    from pathlib import Path

WAITING = 300
#: Of the defaults' 5 numbers, 2 seconds and a minute.
OUTAGE: dict[str, Any] = {"outage_run": 3, "outage_probe": 0.1, "outage_probe_max": 0.4}
#: All that one process may have on the wire when the outage begins, in both processes of a worker.
IN_FLIGHT = 2 * (8 + 1)


def submit_many(deployment: Deployment) -> list[str]:
    """Submit to many numbers at once; their ids."""
    result = voice_notify.notify.bulk([(new_mobile(), TEMPLATE, PARAMS) for _ in range(WAITING)])
    assert result.refused == []
    assert deployment.operator.counts()[State.WAITING] > 0
    return list(result.ids)


def pauses_told(deployment: Deployment) -> list[str]:
    """What the first worker's log says of pauses."""
    log = deployment.workers[0].log.read_text(encoding="utf-8")
    return [line for line in log.splitlines() if "account paused" in line or "account open again" in line]


def test_maintenance_costs_time_and_nothing_else(tmp_path: Path) -> None:
    """系统维护 for many probes: none of those that wait is dead, and each is called once it is over."""
    with deploy(tmp_path, **OUTAGE) as deployment:
        deployment.rule_account(501)
        deployment.start_worker()
        ids = submit_many(deployment)
        assert eventually(lambda: len(pauses_told(deployment)) > 0)
        requests = len(deployment.sandbox.get("/calls"))
        assert eventually(lambda: len(deployment.sandbox.get("/calls")) >= requests + 6)  # probes, one at a time
        account = deployment.operator.account()
        assert account is not None
        assert account.reason == "maintenance"
        assert deployment.operator.counts()[State.DEAD] == 0
        assert len(deployment.sandbox.get("/calls")) < WAITING / 2  # the others were spared
        deployment.rule_account(None)
        records = deployment.all_finished(ids)
        assert Counter(record.state for record in records) == {State.ACCEPTED: WAITING}
        assert eventually(lambda: len(pauses_told(deployment)) == 2)
        assert "reason=maintenance" in pauses_told(deployment)[0].replace("'", "")
        assert deployment.violations() == []


def test_an_unreachable_provider_costs_time_and_nothing_else(tmp_path: Path) -> None:
    """Nothing listens at the provider's address, until it does."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
    with deploy(tmp_path, **OUTAGE, base_url=f"http://127.0.0.1:{port}{PATH}") as deployment:
        deployment.start_worker()
        ids = submit_many(deployment)
        assert eventually(lambda: deployment.operator.account() is not None)
        account = deployment.operator.account()
        assert account is not None
        assert account.reason == "unreachable"
        assert deployment.operator.counts()[State.WAITING] >= WAITING - IN_FLIGHT
        with run_sandbox("--no-magic-numbers", "--port", str(port)) as provider:
            records = deployment.all_finished(ids)
            assert Counter(record.state for record in records) == {State.ACCEPTED: WAITING}
            assert {record.attempts for record in records} <= {1, 2}  # 2: of those that met it first
            assert len(provider.get("/calls")) == WAITING
            assert provider.get("/violations") == []


def test_pages_of_a_gateway_reach_few(tmp_path: Path) -> None:
    """502 without the documented JSON, as from a gateway: those who met it may have rung, and the others wait."""
    with deploy(tmp_path, **OUTAGE) as deployment:
        deployment.script({"action": "http_502", "percent": 100})
        deployment.start_worker()
        ids = submit_many(deployment)
        assert eventually(lambda: deployment.operator.account() is not None)
        deployment.script()
        records = deployment.all_finished(ids)
        assert Counter(record.state for record in records) == {State.ACCEPTED: WAITING}
        resent = [record for record in records if record.unconfirmed]
        assert 0 < len(resent) < WAITING / 2
        assert deployment.violations() == []
