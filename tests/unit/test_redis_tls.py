"""TLS to Redis: a server whose certificate is for another host is told nothing, be it the ledger's or the broker's."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from kombu.connection import Connection

from tests.support.tls import server_context
from voice_notify.accounts import current_account
from voice_notify.broker.configuration import configuration
from voice_notify.errors import StoreUnavailable
from voice_notify.ledger.connect import connect
from voice_notify.settings import SecretUrl, Settings

Attempt = Callable[[str], object]


class Listener:
    """A server called localhost that closes each connection after the first bytes; `heard` is what it was told."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.heard: list[bytes] = []
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def stop(self) -> None:
        """Accept no more."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:  # stopped
                return
            with contextlib.suppress(OSError), self._context.wrap_socket(connection, server_side=True) as secured:
                self.heard.append(secured.recv(4096))


@pytest.fixture
def pem(tmp_path: Path) -> Path:
    """Where the server's certificate is."""
    return tmp_path / "localhost.pem"


@pytest.fixture
def listener(pem: Path) -> Iterator[Listener]:
    """A server that clients trust if it is the one they asked for."""
    made = Listener(server_context(pem))
    yield made
    made.stop()


@pytest.fixture(autouse=True)
def _settings_are_read_again() -> Iterator[None]:
    current_account.cache_clear()
    yield
    current_account.cache_clear()


def ask_ledger(url: str) -> None:
    """Ask the time of the ledger's Redis."""
    with pytest.raises(StoreUnavailable):
        connect(Settings(app_id="tests", redis_url=SecretUrl(url))).scripts.now_ms()


def ask_broker(url: str) -> None:
    """Connect to the broker as Celery is configured to."""
    with patch.dict(os.environ, {"VOICE_NOTIFY_APP_ID": "tests", "VOICE_NOTIFY_BROKER_URL": url}):
        configured = configuration()
    connection: Any = Connection(  # type: ignore[no-untyped-call] # kombu has no types
        url, ssl=configured["broker_use_ssl"], transport_options=configured["broker_transport_options"]
    )
    with pytest.raises(connection.connection_errors):
        connection.connect()


@pytest.mark.parametrize("ask", [ask_ledger, ask_broker])
def test_a_certificate_of_another_host(listener: Listener, pem: Path, ask: Attempt) -> None:
    """A trusted certificate does not do: the host must be the one that it names."""
    ask(f"rediss://127.0.0.1:{listener.port}/0?ssl_ca_certs={pem}")
    assert listener.heard == []
    ask(f"rediss://localhost:{listener.port}/0?ssl_ca_certs={pem}")
    assert listener.heard != []


@pytest.mark.parametrize("ask", [ask_ledger, ask_broker])
def test_a_certificate_that_is_not_trusted(listener: Listener, ask: Attempt) -> None:
    """The right name does not do: the certificate must be from an authority that is trusted."""
    ask(f"rediss://localhost:{listener.port}/0")
    assert listener.heard == []
