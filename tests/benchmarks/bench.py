"""What every measurement stands on: a Redis server, a provider, and the environment that points to both."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import click
import redis

from tests.benchmarks.job import APP_ID, APP_SECRET, RESULTS
from tests.benchmarks.nginx import Nginx, find_nginx
from tests.benchmarks.producer import Producer, Submitted
from tests.benchmarks.recording_provider import RecordingProvider
from tests.benchmarks.systems import System
from tests.benchmarks.workers import Workers
from tests.support.interpreter import without_settings
from tests.support.redis_server import RedisServer
from voice_notify.demo.redis_server import find_redis_binary
from voice_notify.ledger import keys

_PATIENCE_SECONDS = 30
_POLL_SECONDS = 0.01
_WARM_UP = 100
_TIMED = 300


class Provider(Protocol):
    """A local server that accepts every call."""

    name: str
    url: str
    port: int

    def stop(self) -> None:
        """End it."""


@dataclass(frozen=True, slots=True)
class Run:
    """Notifications that were submitted and done."""

    number: int
    seconds: float  #: from the first submit to the last result
    submitted: Submitted

    @property
    def rate(self) -> float:
        """Notifications per second."""
        return self.number / self.seconds


@dataclass(frozen=True, slots=True)
class Bench:
    """A Redis server of its own and a provider."""

    folder: Path
    server: RedisServer
    provider: Provider
    settings: Mapping[str, str] = field(default_factory=dict)  #: of voice-notify, beside the defaults
    variables: Mapping[str, str] = field(default_factory=dict)  #: of the peers

    @property
    def redis(self) -> redis.Redis:
        """A client."""
        return self.server.client()

    @property
    def environment(self) -> dict[str, str]:
        """The environment of every process of the run; no setting of the machine's own comes in."""
        ours = {
            "APP_ID": APP_ID,
            "APP_SECRET": APP_SECRET,
            "BASE_URL": self.provider.url,
            "REDIS_URL": self.server.url,
            "CONFIG": str(self.folder / "voice-notify.toml"),
        }
        settings = {f"VOICE_NOTIFY_{name.upper()}": value for name, value in {**ours, **self.settings}.items()}
        urls = {"BENCH_REDIS_URL": self.server.url, "BENCH_PROVIDER_URL": self.provider.url}
        return without_settings() | settings | urls | dict(self.variables)

    def empty(self) -> None:
        """Forget everything, for the next turn."""
        with self.redis as client:
            client.flushall()

    @contextmanager
    def producer(self, system: System, *, first: int = 0, urgent: bool = False) -> Iterator[Producer]:
        """A producer for a system."""
        producer = Producer(system.python, system.name, self.environment, first=first, urgent=urgent)
        try:
            yield producer
        finally:
            producer.stop()

    @contextmanager
    def workers(self, system: System) -> Iterator[Workers]:
        """The workers of a system."""
        workers = Workers(system.python, system.name, self.environment, self.folder / f"{system.name}.log")
        try:
            yield workers
        except TimeoutError as error:
            log = workers.log.read_text(encoding="utf-8", errors="replace")[-3000:]
            raise click.ClickException(f"{system.label}: {error}\n{log}") from error
        finally:
            workers.stop()

    def warm_up(self, producer: Producer, workers: Workers) -> float:
        """Submit until both processes have placed calls; then a timed batch: calls per second, roughly."""
        until = time.monotonic() + _PATIENCE_SECONDS
        while workers.connected_to(self.provider.port) < 2:
            if time.monotonic() > until:
                raise TimeoutError("only one of two processes works")
            self.run(producer, _WARM_UP)
        return _TIMED / self.run(producer, _TIMED).seconds

    def run(self, producer: Producer, number: int, *, hanging: int = 0) -> Run:
        """Submit so many and wait until the last is recorded, but for those whose call hangs."""
        with self.redis as client:
            before = finished(client)
            submitted = producer.submit(number)
            ended = wait_for(client, before + number - hanging)
        return Run(number, ended - submitted.started, submitted)


@contextmanager
def open_bench(provider: Callable[[Path], Provider], **settings: str) -> Iterator[Bench]:
    """Start the surroundings, and end them."""
    binary = find_redis_binary()
    if binary is None:
        raise click.ClickException("there is no redis-server or valkey-server on the path")
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        (folder / "voice-notify.toml").touch()
        started = provider(folder)
        server = RedisServer(binary, folder)
        try:
            server.start()
            yield Bench(folder, server, started, settings)
        finally:
            server.stop()
            started.stop()


def cheapest_provider(folder: Path) -> Provider:
    """nginx, or a Python server where there is none."""
    binary = find_nginx()
    return Nginx(binary, folder) if binary else RecordingProvider()


def finished(client: redis.Redis) -> int:
    """How many jobs are recorded as done, by whatever system."""
    with client.pipeline(transaction=False) as pipe:
        pipe.hlen(RESULTS)
        pipe.hget(keys.prefix(APP_ID) + keys.COUNTS, "accepted")
        peers, ours = pipe.execute()
    return int(peers) + int(ours or 0)


def wait_for(client: redis.Redis, total: int) -> float:
    """When so many were recorded (`time.monotonic()`). Raises `TimeoutError` when nothing moves any more."""
    last, moved = -1, time.monotonic()
    while (done := finished(client)) < total:
        now = time.monotonic()
        if done > last:
            last, moved = done, now
        elif now - moved > _PATIENCE_SECONDS:
            raise TimeoutError(f"{total - done} of {total} are missing")
        time.sleep(_POLL_SECONDS)
    return time.monotonic()
