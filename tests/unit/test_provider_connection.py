"""Connecting to the provider: in one time for names, addresses and TLS, and to the right server only."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tenacity import wait_none

from tests.support.bare_provider import ACCEPTED, client_for, place, say_nothing, serving, succeed
from voice_notify.domain.outcome import Kind
from voice_notify.provider import client as client_module
from voice_notify.provider import connection as connection_module

Address = tuple[Any, ...]


@pytest.fixture(autouse=True)
def _one_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "_CONNECT_ATTEMPTS", 1)
    monkeypatch.setattr(client_module, "_CONNECT_WAIT", wait_none())


@contextlib.contextmanager
def never_accepting() -> Iterator[int]:
    """The port of a server whose queue is full: whoever connects hears nothing."""
    with (
        socket.create_server(("127.0.0.1", 0), backlog=0) as listener,
        socket.create_connection(listener.getsockname()),
    ):
        yield listener.getsockname()[1]


def resolve_to(monkeypatch: pytest.MonkeyPatch, *ports: int) -> None:
    """Let every name have these ports of this machine as its addresses."""
    addresses: list[Address] = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", port)) for port in ports]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: addresses)


def test_a_server_that_does_not_accept_in_time_has_got_nothing() -> None:
    """Connecting ends with the connect timeout."""
    with never_accepting() as port, client_for(port, connect_timeout=0.05) as client:
        outcome = place(client)
    assert (outcome.kind, outcome.code) == (Kind.TRANSIENT, "connect-timeout")


def test_connecting_does_not_outlast_the_time_to_send() -> None:
    """A connection is not waited for past `send_by`, however long the connect timeout is."""
    with never_accepting() as port, client_for(port, connect_timeout=3600) as client:
        outcome = place(client, seconds=0.05)
    assert outcome.kind is Kind.TRANSIENT


def test_all_addresses_together_have_one_connect_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name with many addresses, none of which answers, takes no longer than one."""
    with never_accepting() as port, client_for(port, connect_timeout=0.3) as client:
        resolve_to(monkeypatch, *[port] * 10)
        begun = time.monotonic()
        outcome = place(client)
        took = time.monotonic() - begun
    assert outcome.code == "connect-timeout"
    assert took < 1


def test_a_silent_address_leaves_time_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two addresses, the second is reached although the first one takes every packet in silence."""
    monkeypatch.setattr(connection_module, "_LEAST_ADDRESS_TIME_S", 0.1)
    with never_accepting() as silent, serving() as server, client_for(server.port, connect_timeout=2) as client:
        resolve_to(monkeypatch, silent, server.port)
        assert place(client) == ACCEPTED


def test_a_refusing_address_leaves_the_call_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two addresses, the second is used where the first one refuses."""
    with serving(listen=False) as refusing, serving() as server, client_for(server.port) as client:
        resolve_to(monkeypatch, refusing.port, server.port)
        assert place(client) == ACCEPTED


def test_a_look_up_without_an_answer_ends_with_the_connect_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    """While the name servers are silent, calls fail in their time, and all wait for one look-up."""
    answered, look_ups = threading.Event(), []

    def be_silent(*_: object, **__: object) -> list[Address]:
        look_ups.append(threading.current_thread())
        answered.wait(60)
        raise socket.gaierror(socket.EAI_AGAIN, "silent")

    monkeypatch.setattr(socket, "getaddrinfo", be_silent)
    with client_for(9, connect_timeout=0.2) as client, ThreadPoolExecutor(8) as threads:
        begun = time.monotonic()
        outcomes = list(threads.map(lambda _: place(client), range(8)))
        took = time.monotonic() - begun
        answered.set()
    assert {outcome.code for outcome in outcomes} == {"connect-timeout"}
    assert "look-up" in outcomes[0].message
    assert took < 2
    assert len(look_ups) == 1
    look_ups[0].join()


def test_every_connection_looks_the_name_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The provider may move: an address is not kept for the next connection."""
    with serving() as before, serving() as after, client_for(before.port) as client:
        resolve_to(monkeypatch, before.port)
        place(client)
        resolve_to(monkeypatch, after.port)
        monkeypatch.setattr(connection_module, "_IDLE_LIMIT_S", 0)
        place(client)
    assert (len(before.requests), len(after.requests)) == (1, 1)


def test_a_name_that_cannot_exist_sent_nothing() -> None:
    """A label that is too long for any name is a failure of the look-up."""
    with client_for(9, f"http://{'a' * 64}.invalid") as client:
        outcome = place(client)
    assert (outcome.kind, outcome.code) == (Kind.TRANSIENT, "dns")


def test_tls_to_a_server_without_tls_sent_nothing() -> None:
    """A TLS handshake that meets plain text is a failure to connect."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        accepted = ThreadPoolExecutor(1)

        def greet() -> None:
            with listener.accept()[0] as connection:
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                say_nothing(connection)

        with accepted, client_for(listener.getsockname()[1], "https://127.0.0.1") as client:
            greeted = accepted.submit(greet)
            outcome = place(client)
        with contextlib.suppress(ConnectionResetError):
            greeted.result()
    assert (outcome.kind, outcome.code) == (Kind.TRANSIENT, "tls")


def test_a_tls_handshake_ends_with_the_connect_timeout() -> None:
    """A TLS handshake that is not answered, or drop by drop, ends in time, and nothing was sent."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        accepted = ThreadPoolExecutor(1)

        def drip() -> None:
            with listener.accept()[0] as connection, contextlib.suppress(OSError):
                connection.sendall(b"\x16\x03\x03\x40\x00")  # a record of the handshake of 16 KB
                while True:
                    connection.sendall(b"\x02")
                    time.sleep(0.01)

        with accepted, client_for(listener.getsockname()[1], "https://127.0.0.1", connect_timeout=0.2) as client:
            accepted.submit(drip)
            begun = time.monotonic()
            outcome = place(client)
            took = time.monotonic() - begun
    assert (outcome.kind, outcome.code) == (Kind.TRANSIENT, "connect-timeout")
    assert took < 1


def test_the_handshake_has_what_the_addresses_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """The connect timeout does not begin anew for TLS."""
    with (
        never_accepting() as silent,
        socket.create_server(("127.0.0.1", 0)) as listener,
        client_for(9, "https://127.0.0.1", connect_timeout=1) as client,
    ):
        resolve_to(monkeypatch, silent, listener.getsockname()[1])
        monkeypatch.setattr(connection_module, "_LEAST_ADDRESS_TIME_S", 0.8)
        begun = time.monotonic()
        outcome = place(client)
        took = time.monotonic() - begun
    assert outcome.code == "connect-timeout"
    assert 1 <= took < 1.6


def test_a_certificate_that_is_not_trusted_is_refused(
    server_context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch, certificate: Path
) -> None:
    """A self-signed certificate is refused before anything is sent, even if the environment trusts it."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    monkeypatch.setenv("CURL_CA_BUNDLE", str(certificate))
    with serving(succeed, server_context) as server, client_for(server.port, "https://localhost") as client:
        outcome = place(client)
    assert (outcome.kind, outcome.code) == (Kind.TRANSIENT, "tls")
    assert "self-signed" in outcome.message.replace("self signed", "self-signed")
    assert server.requests == []


@pytest.mark.usefixtures("trusted")
def test_a_certificate_for_another_host_is_refused(server_context: ssl.SSLContext) -> None:
    """A trusted certificate for another host is refused before anything is sent."""
    with serving(succeed, server_context) as server, client_for(server.port, "https://127.0.0.1") as client:
        outcome = place(client)
    assert (outcome.kind, outcome.code) == (Kind.TRANSIENT, "tls")
    assert server.requests == []


@pytest.mark.usefixtures("trusted")
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_a_version_of_tls_before_1_2_is_refused(server_context: ssl.SSLContext) -> None:
    """A server that knows TLS 1.1 at most is refused before anything is sent."""
    server_context.set_ciphers("ALL:@SECLEVEL=0")
    server_context.minimum_version = ssl.TLSVersion.TLSv1
    server_context.maximum_version = ssl.TLSVersion.TLSv1_1
    with serving(succeed, server_context) as server, client_for(server.port, "https://localhost") as client:
        outcome = place(client)
    assert (outcome.kind, outcome.code) == (Kind.TRANSIENT, "tls")
    assert server.requests == []


@pytest.mark.usefixtures("trusted")
def test_a_trusted_certificate_is_accepted(server_context: ssl.SSLContext) -> None:
    """Over TLS with the right certificate calls are accepted, on one connection."""
    with serving(succeed, server_context) as server, client_for(server.port, "https://localhost") as client:
        assert [place(client), place(client)] == [ACCEPTED, ACCEPTED]
    assert server.connections == 1


@pytest.mark.usefixtures("trusted")
def test_tls_that_breaks_after_sending_is_unconfirmed(server_context: ssl.SSLContext) -> None:
    """An error of TLS in the reply makes the call unconfirmed: the request has arrived."""

    def break_tls(connection: socket.socket, _request: bytes) -> None:
        os.write(connection.fileno(), b"this is no TLS record")
        say_nothing(connection)

    with serving(break_tls, server_context) as server, client_for(server.port, "https://localhost") as client:
        outcome = place(client)
    assert (outcome.kind, outcome.code) == (Kind.UNCONFIRMED, "cut")
    assert len(server.requests) == 1
