"""Deployments of real processes: each test of this folder judges by what the sandbox saw and what the ledger says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.deployment import QUEUE, Deployment, deploy
from tests.support.rabbitmq import NO_RABBITMQ, RabbitServer, find_rabbitmq


@pytest.fixture(scope="session")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitServer]:
    """A RabbitMQ server for the whole session; tests delete their queue after use."""
    binary = find_rabbitmq()
    if binary is None:
        pytest.skip(NO_RABBITMQ)
    server = RabbitServer(binary, tmp_path_factory.mktemp("rabbitmq"))
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="module", params=["redis", pytest.param("rabbitmq", marks=pytest.mark.rabbitmq)])
def broker_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The broker of a deployment: its own Redis (no URL), or RabbitMQ."""
    if request.param == "redis":
        yield ""
        return
    server: RabbitServer = request.getfixturevalue("rabbitmq")
    yield server.url
    server.delete_queue(QUEUE)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, broker_url: str) -> Iterator[Deployment]:
    """A deployment with one worker, for all tests of a module."""
    with deploy(tmp_path_factory.mktemp("deployment"), broker_url=broker_url) as deployment:
        deployment.start_worker()
        yield deployment


@pytest.fixture
def deployment(running: Deployment) -> Iterator[Deployment]:
    """That deployment with nothing in it; whatever a test does with it, no window may be broken."""
    running.reset()
    yield running
    assert running.violations() == []
