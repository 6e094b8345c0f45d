"""The client that keeps its connections: what redis-py's pool promises holds without it."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.support.redis_server import RedisServer
from voice_notify.ledger.client import Client


@pytest.fixture
def kept(redis_server: RedisServer) -> Iterator[Client]:
    """A client with a connection that it has used."""
    with Client.from_url(redis_server.url, decode_responses=True, protocol=2, retry=Retry(NoBackoff(), 1)) as client:
        client.ping()
        yield client


def test_a_connection_is_kept(kept: Client) -> None:
    """One command after the other uses the same connection; a refusal is a reply like any other."""
    first = kept.client_id()
    with pytest.raises(redis.ResponseError):
        kept.execute_command("NO SUCH COMMAND")
    assert kept.client_id() == first


def test_an_argument_of_no_use(kept: Client) -> None:
    """What cannot be written is refused before it is sent, and the next command has its own reply."""
    with pytest.raises((TypeError, redis.DataError)):
        kept.echo(None)  # type: ignore[arg-type]
    assert kept.echo("next") == "next"


def test_a_lost_connection(kept: Client, redis_server: RedisServer) -> None:
    """Where the server closed it, the next command opens it again."""
    lost: Any = kept.client_id()
    with redis_server.client() as other:
        other.client_kill_filter(_id=lost)
    assert kept.echo("here") == "here"
    assert kept.client_id() != lost


def test_a_demoted_primary(kept: Client, redis_server: RedisServer) -> None:
    """A connection whose server has become a replica is opened anew: behind the same address may be the new primary."""
    with redis_server.client() as other:
        other.replicaof("127.0.0.1", 1)
        try:
            demoted = kept.client_id()
            with pytest.raises(redis.exceptions.ReadOnlyError):
                kept.set("a", 1)
            assert kept.client_id() != demoted
        finally:
            other.replicaof("NO", "ONE")
    assert kept.set("a", 1)


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit, ValueError])
def test_an_interrupted_command(
    kept: Client, monkeypatch: pytest.MonkeyPatch, interruption: type[BaseException]
) -> None:
    """A reply that nobody waited for is not the next command's."""
    with monkeypatch.context() as patched:
        patched.setattr(kept, "parse_response", lambda *_, **__: (_ for _ in ()).throw(interruption))
        with pytest.raises(interruption):
            kept.echo("first")
    assert kept.echo("second") == "second"


def test_threads(kept: Client) -> None:
    """Each thread gets its own replies."""
    strange: list[object] = []

    def talk(name: str) -> None:
        strange.extend(reply for _ in range(300) if (reply := kept.echo(name)) != name)

    threads = [threading.Thread(target=talk, args=(f"thread {number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert strange == []


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_fork(kept: Client) -> None:
    """A child has connections of its own, and the parent keeps its."""
    parents: Any = kept.client_id()
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.write(writer, str(kept.client_id()).encode())
        os._exit(0)
    os.waitpid(child, 0)
    childs = int(os.read(reader, 100))
    os.close(reader)
    os.close(writer)
    assert childs != parents
    assert kept.client_id() == parents
