"""A FastAPI application under uvicorn (`tests/applications/fastapi`), also while Redis hangs."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.deployment import Deployment, new_mobile
from tests.support.redis_server import free_port
from tests.support.sandbox import eventually
from tests.support.worker import ROOT
from voice_notify.domain.states import State

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")
HOTEL = ROOT / "tests" / "applications" / "fastapi"
STORE_TIMEOUT = 1.0
#: Its Redis is the broker too.
pytestmark = pytest.mark.parametrize("broker_url", ["redis"], indirect=True)


class Hotel:
    """The application, as one process with one event loop, unless `options` of uvicorn's say otherwise."""

    def __init__(self, log: Path, environment: dict[str, str], *options: str) -> None:
        self.port = free_port()
        self.log = log
        command = [sys.executable, "-m", "uvicorn", "hotel:app", "--port", str(self.port), *options]
        with log.open("wb") as output:
            self.process = subprocess.Popen(command, cwd=HOTEL, env=environment, stdout=output, stderr=output)  # noqa: S603 - ours

    def ask(self, method: str, path: str) -> tuple[int, Any]:
        """The HTTP status of a request, and the JSON of its reply."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path)
            reply = connection.getresponse()
            return reply.status, json.load(reply)
        finally:
            connection.close()

    def is_alive(self) -> bool:
        """Whether it answers."""
        try:
            return self.ask("GET", "/alive") == (200, {"alive": True})
        except ConnectionRefusedError:
            return False

    def answers_while(self, method: str, path: str) -> tuple[Any, int]:
        """The JSON of a reply, and how many other requests were answered one after another meanwhile."""
        answered = 0
        with ThreadPoolExecutor(1) as thread:
            asked = thread.submit(self.ask, method, path)
            while not asked.done():
                assert self.is_alive()
                answered += 1
                time.sleep(0.01)
        return asked.result()[1], answered


@contextmanager
def opened(running: Deployment, log: Path, *options: str) -> Iterator[Hotel]:
    """The application of that deployment's account, until the end."""
    environment = running.environment | {
        "VOICE_NOTIFY_REDIS_URL": running.redis.url_of("producer"),
        "VOICE_NOTIFY_STORE_TIMEOUT": str(STORE_TIMEOUT),
    }
    hotel = Hotel(log, environment, *options)
    try:
        assert eventually(hotel.is_alive), hotel.log.read_text(encoding="utf-8")
        yield hotel
    finally:
        hotel.process.terminate()
        hotel.process.wait(30)


@pytest.fixture(scope="module")
def hotel(running: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hotel]:
    """It, for all tests of this module."""
    with opened(running, tmp_path_factory.mktemp("hotel") / "log") as hotel:
        yield hotel


def test_a_guest_is_called(deployment: Deployment, hotel: Hotel) -> None:
    """And the application learns what became of it."""
    mobile = new_mobile()
    status, reply = hotel.ask("POST", f"/wake-up/{mobile}")
    assert status == 200
    assert deployment.finished(reply["id"]).state is State.ACCEPTED
    assert hotel.ask("GET", f"/calls/{reply['id']}") == (200, {"state": "accepted"})


def test_workers_of_uvicorn(deployment: Deployment, tmp_path: Path) -> None:
    """Each process submits, and all that they say is submitted is called."""
    first = int(new_mobile())
    with opened(deployment, tmp_path / "log", "--workers", "2") as hotel:
        replies: list[dict[str, Any]] = []

        def wake_up(mobile: int) -> None:
            status, reply = hotel.ask("POST", f"/wake-up/{mobile}")
            assert status == 200
            replies.append(reply)

        while len({reply["process"] for reply in replies}) < 2:
            assert len(replies) < 400
            with ThreadPoolExecutor(8) as threads:
                list(threads.map(wake_up, range(first + len(replies), first + len(replies) + 40)))
    assert {record.state for record in deployment.all_finished(reply["id"] for reply in replies)} == {State.ACCEPTED}


def test_a_call_is_cancelled(deployment: Deployment, hotel: Hotel) -> None:
    """Before its time."""
    _, reply = hotel.ask("POST", f"/wake-up/{new_mobile()}?minutes=10")
    assert hotel.ask("DELETE", f"/calls/{reply['id']}") == (200, {"was": "waiting"})
    assert deployment.finished(reply["id"]).state is State.CANCELLED


def test_mistakes_are_the_guests(deployment: Deployment, hotel: Hotel) -> None:  # noqa: ARG001 - its Redis
    """Not errors of the server."""
    assert hotel.ask("POST", "/wake-up/1")[0] == 422
    assert hotel.ask("GET", "/calls/unknown")[0] == 404


def test_three_hundred_at_once(deployment: Deployment, hotel: Hotel) -> None:
    """In one handler; all are stored."""
    reply = hotel.ask("POST", f"/evacuate/{new_mobile()}/300")[1]
    assert reply == {"failed": 0, "submitted": 300}
    assert eventually(lambda: deployment.sandbox.get("/summary")["requests"] == 300)


def test_a_redis_that_hangs_holds_up_nobody_else(deployment: Deployment, hotel: Hotel) -> None:
    """Each of 300 submits learns of it in time, and other requests are answered meanwhile."""
    deployment.redis.send_signal(signal.SIGSTOP)
    try:
        reply, others = hotel.answers_while("POST", f"/evacuate/{new_mobile()}/300")
    finally:
        deployment.redis.send_signal(signal.SIGCONT)
    assert reply == {"failed": 300, "submitted": 300}
    assert others > 1  # where the loop waits for Redis there is one, whose answer comes after the submits
