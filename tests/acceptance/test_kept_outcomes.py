"""Redis refuses its worker while calls are on the wire: what the worker then learns is kept (DESIGN.md, G3)."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import redis

from tests.support.deployment import PARAMS, TEMPLATE, Deployment, deploy, new_mobile
from tests.support.sandbox import eventually
from voice_notify import notify
from voice_notify.domain.states import State

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.worker import Worker

NUMBERS = 12
LATENCY = 1.5
#: A call's lease, and the time in which a late success is taken before a lapsed call is made again.
LEASE, GAP = 4.6, 6
SETTINGS: dict[str, Any] = {"connect_timeout": 0.3, "read_timeout": 2, "min_interval": GAP, "window": 60}


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    """A deployment whose worker has a spool and a Redis user of its own; calls last longer than losing all rights."""
    with deploy(tmp_path, spool=tmp_path / "spool", **SETTINGS) as deployment:
        with deployment.redis.client() as admin:
            admin.acl_setuser("lame", enabled=True, nopass=True, categories=["+@all"], keys=["*"], channels=["*"])
        deployment.environment["VOICE_NOTIFY_REDIS_URL"] = deployment.redis.url.replace("//", "//lame:any@")
        deployment.script(latency=LATENCY)
        yield deployment
        assert deployment.violations() == []
        # What its worker was refused is what these tests are about, and not a right that `deploy/` forgets.
        assert {refused.split()[0] for refused in deployment.redis.refusals()} <= {"lame"}
        with deployment.redis.client() as admin:
            admin.acl_log_reset()


def ready_worker(deployment: Deployment) -> Worker:
    """A worker whose main process has done all that Celery asks of the broker at the start."""
    worker = deployment.start_worker()
    assert eventually(lambda: "ready." in worker.log.read_text(encoding="utf-8"))
    return worker


@contextmanager
def without_rights(admin: redis.Redis) -> Iterator[None]:
    """The worker's user may do nothing for now, as after a slip in an ACL file."""
    admin.acl_setuser("lame", enabled=True, categories=["-@all"])
    try:
        yield
    finally:
        admin.acl_setuser("lame", enabled=True, categories=["+@all"])


def on_the_wire(deployment: Deployment) -> list[str]:
    """Ids of notifications whose calls have reached the provider, and are not answered."""
    ids = notify.bulk([(new_mobile(), TEMPLATE, PARAMS) for _ in range(NUMBERS)]).ids
    assert eventually(lambda: len(deployment.sandbox.get("/calls")) == NUMBERS)
    return ids


def assert_each_rang_once(deployment: Deployment, ids: list[str]) -> None:
    """Also after the time in which a second call would have been made."""
    assert {record.state for record in deployment.all_finished(ids)} == {State.ACCEPTED}
    time.sleep(GAP + 1)
    calls = Counter(call["mobile"] for call in deployment.sandbox.get("/calls"))
    assert set(calls.values()) == {1}
    assert len(calls) == NUMBERS


def test_a_worker_without_rights_keeps_what_it_learns(deployment: Deployment) -> None:
    """Longer than the leases: all are settled as soon as the rights are back, and no phone rings twice."""
    worker = ready_worker(deployment)
    with deployment.redis.client() as admin:
        ids = on_the_wire(deployment)
        with without_rights(admin):
            time.sleep(LEASE + 1)
        assert_each_rang_once(deployment, ids)
    log = worker.log.read_text(encoding="utf-8")
    assert 1 <= log.count("outcomes wait for Redis") <= 2  # once for each process
    assert worker.running


def test_the_next_worker_knows_what_a_stopped_one_learned(deployment: Deployment, tmp_path: Path) -> None:
    """A worker is stopped, as for a restart, while Redis is down; the next one settles its calls."""
    worker = ready_worker(deployment)
    with deployment.redis.client() as admin:
        ids = on_the_wire(deployment)
        with without_rights(admin):
            worker.stop()
            left = list((tmp_path / "spool").iterdir())
            assert left, worker.log.read_text(encoding="utf-8")
            assert {path.stat().st_mode & 0o777 for path in left} == {0o600}
        deployment.start_worker()
        assert_each_rang_once(deployment, ids)
    assert list((tmp_path / "spool").iterdir()) == []
