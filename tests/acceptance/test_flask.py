"""A Flask application under gunicorn, which loads it before it forks (`tests/applications/flask`)."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import pytest

from tests.support.deployment import Deployment, new_mobile
from tests.support.redis_server import free_port
from tests.support.sandbox import eventually
from tests.support.worker import ROOT
from voice_notify.domain.states import State

pytest.importorskip("flask")
pytest.importorskip("gunicorn")
CLINIC = ROOT / "tests" / "applications" / "flask"
#: Its Redis is the broker too.
pytestmark = pytest.mark.parametrize("broker_url", ["redis"], indirect=True)


class Clinic:
    """The application: gunicorn's main process and two workers of four threads."""

    def __init__(self, log: Path, environment: dict[str, str]) -> None:
        self.log = log
        address = f"127.0.0.1:{free_port()}"
        self.url = f"http://{address}"
        served = ["--preload", "--workers", "2", "--threads", "4", "--bind", address, "clinic:app"]
        with log.open("wb") as output:
            command = [sys.executable, "-m", "gunicorn", *served]
            self.process = subprocess.Popen(command, cwd=CLINIC, env=environment, stdout=output, stderr=output)  # noqa: S603 - ours

    def ask(self, path: str, method: str = "GET") -> Any:  # noqa: ANN401 - JSON
        """What a page says."""
        with urlopen(Request(f"{self.url}/{path}", method=method), timeout=30) as reply:  # noqa: S310 - ours
            return json.load(reply)

    def is_open(self) -> bool:
        """Whether it answers."""
        try:
            return bool(self.ask("opening"))
        except URLError:
            return False


@pytest.fixture
def clinic(deployment: Deployment, tmp_path: Path) -> Iterator[Clinic]:
    """It, opened for one test."""
    environment = deployment.environment | {
        "VOICE_NOTIFY_REDIS_URL": deployment.redis.url_of("producer"),
        "CLINIC_DOCTOR": new_mobile(),
    }
    clinic = Clinic(tmp_path / "log", environment)
    try:
        assert eventually(clinic.is_open), clinic.log.read_text(encoding="utf-8")
        yield clinic
    finally:
        clinic.process.terminate()
        clinic.process.wait(30)


def test_before_and_after_the_fork(deployment: Deployment, clinic: Clinic) -> None:
    """The main process has submitted; both workers submit, ask, and read its result."""
    replies: list[dict[str, Any]] = []
    first = int(new_mobile())
    while len({reply["process"] for reply in replies}) < 2:
        assert len(replies) < 400
        numbers = range(first + len(replies), first + len(replies) + 40)
        with ThreadPoolExecutor(8) as threads:
            replies += threads.map(lambda mobile: clinic.ask(f"remind/{mobile}", "POST"), numbers)
    assert clinic.process.pid not in {reply["process"] for reply in replies}
    assert {record.state for record in deployment.all_finished(reply["id"] for reply in replies)} == {State.ACCEPTED}
    assert clinic.ask(f"calls/{replies[0]['id']}") == {"state": "accepted"}
    opening = clinic.ask("opening")
    assert deployment.finished(opening["id"]).state is State.ACCEPTED
    assert clinic.ask("opening")["state"] == "SUCCESS"


def test_mistakes_are_the_callers(clinic: Clinic) -> None:
    """Not errors of the server."""
    for path, method, code in (("remind/1", "POST", 422), ("calls/unknown", "GET", 404)):
        with pytest.raises(HTTPError) as refused:
            clinic.ask(path, method)
        assert refused.value.code == code
