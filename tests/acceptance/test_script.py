"""A plain script, `tests/applications/script`: processes made by fork and spawn, threads, and forks amid threads."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.support.deployment import Deployment, new_mobile
from tests.support.worker import ROOT
from voice_notify.domain.states import State

SCRIPT = ROOT / "tests" / "applications" / "script" / "alarm.py"
#: Its Redis is the broker too.
pytestmark = pytest.mark.parametrize("broker_url", ["redis"], indirect=True)


@pytest.mark.parametrize(
    ("way", "submits"), [("plainly", 4), ("fork", 10), ("spawn", 10), ("threads", 64), ("pool", 400)]
)
def test_every_process_and_thread_submits(deployment: Deployment, way: str, submits: int) -> None:
    """Each submit has an id of its own, and is called."""
    ids = run(deployment, way)
    assert len(set(ids)) == submits
    assert {record.state for record in deployment.all_finished(ids)} == {State.ACCEPTED}


def test_forks_amid_threads(deployment: Deployment) -> None:
    """A child that is forked while threads submit waits for no lock of theirs, nor does a child of its."""
    for _ in range(3):
        assert len(set(run(deployment, "forks-amid-threads"))) == 32


def run(deployment: Deployment, way: str) -> list[str]:
    """The ids that the script prints."""
    environment = deployment.environment | {
        "VOICE_NOTIFY_REDIS_URL": deployment.redis.url_of("producer"),
        "PYTHONWARNINGS": "error,ignore::DeprecationWarning",  # Python 3.12 warns of a fork amid threads
    }
    command = [sys.executable, str(SCRIPT), way, new_mobile()]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=30)  # noqa: S603 - ours
    assert done.returncode == 0, done.stderr
    ids: list[str] = json.loads(done.stdout)
    return ids
