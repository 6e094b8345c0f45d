"""The transport to the provider: requests' interface, one exchange in its time, and connections that are kept alive."""

from __future__ import annotations

import contextlib
import gzip
import json
import math
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from urllib.parse import parse_qs

import pytest
import requests

from tests.support.bare_provider import (
    ACCEPTED,
    MOBILE,
    REPLY,
    Answer,
    Server,
    client_for,
    http,
    outcome_of,
    place,
    say,
    say_and_close,
    say_nothing,
    serving,
)
from voice_notify.domain.outcome import Kind
from voice_notify.provider import connection as connection_module
from voice_notify.provider import transport as transport_module
from voice_notify.provider.client import Call, ProviderClient
from voice_notify.provider.transport import READ_SIZE_BYTES, REPLY_LIMIT_BYTES, NotSent, Session, TooLate, Transport


@pytest.fixture(params=["http", "https"])
def scheme(request: pytest.FixtureRequest) -> str:
    """With and without TLS."""
    return str(request.param)


@contextlib.contextmanager
def calling(
    scheme: str, answer: Answer, server_context: ssl.SSLContext, *, read_timeout: float = 30
) -> Iterator[tuple[Server, ProviderClient]]:
    """A server that answers so, and a client of it."""
    with (
        serving(answer, server_context if scheme == "https" else None) as server,
        client_for(server.port, f"{scheme}://localhost", read_timeout=read_timeout) as client,
    ):
        yield server, client


def prepared(url: str) -> requests.PreparedRequest:
    return requests.Request("POST", url, data=b"a=b").prepare()


def test_a_response_is_complete() -> None:
    """Through requests' session, the answer is a response as requests' own adapter makes it."""
    headers = ("Content-Type: application/json;charset=GBK", "X: 1", "Via: a", "Via: b")
    body = '{"msg": "成功"}'.encode("gbk")
    with serving(say(http(503, body, *headers))) as server:
        request = prepared(f"http://127.0.0.1:{server.port}/a?b=c")
        with Session(str(request.url)) as session:
            response = session.send(request, timeout=(9, 9))
    assert (response.status_code, response.reason, response.ok) == (503, "Whatever", False)
    assert response.headers["content-type"] == "application/json;charset=GBK"
    assert response.headers["Via"] == "a, b"
    assert (response.content, response.encoding, response.text) == (body, "GBK", '{"msg": "成功"}')
    assert response.json() == {"msg": "成功"}
    assert (response.url, response.request) == (request.url, request)
    assert timedelta() < response.elapsed < timedelta(seconds=9)
    with pytest.raises(requests.HTTPError, match="503 Server Error"):
        response.raise_for_status()


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 103 Early Hints\r\nForeign: 1\r\n\r\n" + http(200, b"{}", "Own: 1"),
        http(200, b"{}", "Own: 1") + b"HTTP/1.1 500 Foreign\r\nForeign: 1\r\nContent-Length: 4\r\n\r\nmore",
        b"HTTP/1.1 200 Whatever\r\nTransfer-Encoding: chunked\r\nOwn: 1\r\n\r\n2\r\n{}\r\n0\r\nForeign: 1\r\n\r\n",
    ],
)
def test_a_response_has_nothing_of_another(reply: bytes) -> None:
    """What stands before the reply, or behind its body, is no part of it."""
    with serving(say(reply)) as server:
        request = prepared(f"http://127.0.0.1:{server.port}/")
        with Session(str(request.url)) as session:
            response = session.send(request, timeout=(9, 9))
    assert (response.status_code, response.reason, response.content) == (200, "Whatever", b"{}")
    assert "Own" in response.headers
    assert "Foreign" not in response.headers


def test_a_session_goes_to_its_host_only() -> None:
    """A request to another host finds no adapter, and none of requests' own stands beside the transport."""
    session = Session("http://127.0.0.1:8/a")
    assert [type(adapter) for adapter in session.adapters.values()] == [Transport]
    with pytest.raises(requests.exceptions.InvalidSchema):
        session.send(prepared("http://127.0.0.1:80/a"), timeout=(9, 9))


@pytest.mark.parametrize(
    ("answer", "send_by", "failure"),
    [
        (say_nothing, math.inf, requests.ReadTimeout),
        (say_and_close(b""), math.inf, requests.ConnectionError),
        (say_nothing, 0.0, TooLate),
        (None, math.inf, NotSent),
    ],
)
def test_failures_are_those_of_requests(answer: Answer | None, send_by: float, failure: type[Exception]) -> None:
    """A failure is one of requests', carries the request, and says whether something was sent."""
    with serving(answer or say_nothing, listen=answer is not None) as server:
        request = prepared(f"http://127.0.0.1:{server.port}/")
        with Session(str(request.url)) as session, pytest.raises(requests.RequestException) as failed:
            session.send(request, timeout=(9, 0.1), send_by=send_by)
    assert type(failed.value) is failure
    assert failed.value.request is request


def test_the_host_is_named_as_the_wire_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host whose name is not ASCII reads it as it is registered."""
    resolve = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda _, *rest, **options: resolve("127.0.0.1", *rest, **options))
    with serving() as server, client_for(server.port, "http://例子.cn") as client:
        assert place(client) == ACCEPTED
    assert f"Host: xn--fsqu00a.cn:{server.port}\r\n".encode() in server.requests[0]


def test_a_request_is_written_in_one_piece() -> None:
    """Head and body arrive together: no server ever sees half a request, and none is written late."""
    with socket.create_server(("127.0.0.1", 0)) as listener, client_for(listener.getsockname()[1]) as client:
        arrived: list[bytes] = []

        def read_once() -> None:
            connection = listener.accept()[0]
            arrived.append(connection.recv(65_536))
            connection.close()

        thread = threading.Thread(target=read_once)
        thread.start()
        place(client)
        thread.join()
    head, _, body = arrived[0].partition(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}".encode() in head
    assert body


@pytest.mark.parametrize("calls_before", [0, 1])
def test_nothing_is_written_on_a_connection_that_comes_too_late(
    monkeypatch: pytest.MonkeyPatch, calls_before: int
) -> None:
    """When `send_by` passes while the connection is got, new or kept alive, the server sees nothing of the call."""
    with serving() as server, client_for(server.port) as client:
        for _ in range(calls_before):
            place(client)
        # The clock is looked at before connecting, if need be, and before writing: by then, a minute has passed.
        passed = iter([] if calls_before else [0])
        monkeypatch.setattr(transport_module, "monotonic", lambda: time.monotonic() + next(passed, 60))
        assert place(client, seconds=60).code == "too-late"
        assert server.ends.get() == "reset"
    assert len(server.requests) == calls_before
    assert server.connections == 1


def test_no_reply_in_time_is_unconfirmed_and_taken_back() -> None:
    """Without a reply in time the call is unconfirmed, and its connection is reset before the outcome is told."""
    with serving(say_nothing) as server, client_for(server.port, read_timeout=0.05) as client:
        outcome = place(client)
        assert server.ends.get() == "reset"
    assert (outcome.kind, outcome.code) == (Kind.UNCONFIRMED, "read-timeout")


def test_a_request_that_nobody_reads_is_taken_back() -> None:
    """Writing counts into the read timeout; what the server has not read by then never becomes a whole request."""
    begun = time.monotonic()
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        client_for(listener.getsockname()[1], read_timeout=0.2) as client,
    ):
        outcome = place(client, Call(MOBILE, "453662", ["x" * 20_000_000]))
        took = time.monotonic() - begun
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as stream, pytest.raises(ConnectionResetError):
            stream.read()
    assert (outcome.kind, outcome.code) == (Kind.UNCONFIRMED, "read-timeout")
    assert took < 2


@pytest.mark.parametrize("head", ["", "X: ", "\r\n", "Content-Length: 50000\r\n\r\n"])
def test_a_reply_that_comes_drop_by_drop_is_cut_off(head: str) -> None:
    """A reply is cut off by the read timeout, though every drop of it came in time."""

    def drip(connection: socket.socket, _request: bytes) -> None:
        connection.sendall(f"HTTP/1.1 200 OK\r\n{head}".encode())
        while True:
            connection.sendall(b"x")
            time.sleep(0.01)

    with serving(drip) as server, client_for(server.port, read_timeout=0.2) as client:
        outcome = place(client)
        assert server.ends.get() == "reset"
    assert (outcome.kind, outcome.code) == (Kind.UNCONFIRMED, "read-timeout")


@pytest.mark.usefixtures("trusted")
def test_the_read_timeout_is_one_for_the_whole_reply(scheme: str, server_context: ssl.SSLContext) -> None:
    """A byte that comes just before the read timeout does not begin it anew."""

    def one_byte_late(connection: socket.socket, _request: bytes) -> None:
        time.sleep(0.9)
        connection.sendall(b"H")
        say_nothing(connection)

    with calling(scheme, one_byte_late, server_context, read_timeout=1) as (_, client):
        begun = time.monotonic()
        outcome = place(client)
        took = time.monotonic() - begun
    assert outcome.code == "read-timeout"
    assert 1 <= took < 1.5


@pytest.mark.parametrize(
    ("repeated", "code"),
    [
        (b"x" * 1024, "cut"),  # a header
        (b"X: y\r\n" * 100, "cut"),
        (b"\r\n" + b"x" * 1024, "reply-too-large"),  # a body
        (b"\r\n\r\nHTTP/1.1 100 Continue", "cut"),
    ],
)
def test_a_reply_without_end_is_read_up_to_a_limit(repeated: bytes, code: str) -> None:
    """Headers, a body or interim responses that never end are given up, and the connection is reset."""

    def stream_for_ever(connection: socket.socket, _request: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n" if b"100" not in repeated else b"HTTP/1.1 100 Continue")
        while True:
            connection.sendall(repeated)

    with serving(stream_for_ever) as server, client_for(server.port) as client:
        assert place(client).code == code
        assert server.ends.get() == "reset"


def test_a_compressed_reply_is_read() -> None:
    """A reply that is compressed, though nobody asked for it, is read all the same."""
    assert outcome_of(say(http(200, gzip.compress(REPLY), "Content-Encoding: gzip"))) == ACCEPTED


def test_a_small_reply_is_not_unpacked_to_a_large_one() -> None:
    """Of what a compressed reply would become no more is unpacked than is read of any other."""
    with serving(say(http(200, gzip.compress(b" " * 10_000_000), "Content-Encoding: gzip"))) as server:
        request = prepared(f"http://127.0.0.1:{server.port}/")
        with Session(str(request.url)) as session:
            response = session.send(request, timeout=(9, 9))
    assert len(response.content) == REPLY_LIMIT_BYTES + 1


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (gzip.compress(b" " * 10_000_000), "reply-too-large"),
        (gzip.compress(REPLY)[:-20], "garbage"),
        (gzip.compress(REPLY)[:2], "garbage"),
        (gzip.compress(REPLY)[:2] + b"?" * 30, "cut"),
    ],
)
def test_a_compressed_reply_that_is_large_or_damaged_is_unconfirmed(body: bytes, code: str) -> None:
    """A reply that would unpack to a large one, or that cannot be unpacked, says nothing."""
    outcome = outcome_of(say(http(200, body, "Content-Encoding: gzip")))
    assert (outcome.kind, outcome.code) == (Kind.UNCONFIRMED, code)


def test_calls_share_a_connection() -> None:
    """Calls one after the other use one connection; closing the client resets it."""
    with serving() as server, client_for(server.port) as client:
        assert [place(client) for _ in range(5)] == [ACCEPTED] * 5
    assert server.connections == 1
    assert server.ends.get() == "reset"


def test_a_connection_that_was_idle_too_long_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection is used again until it was idle, after its last reply, for the limit; then it is reset."""
    clock = [0.0]
    monkeypatch.setattr(connection_module, "monotonic", lambda: clock[0])
    with serving() as server, client_for(server.port) as client:
        for clock[0] in (0, 14, 28):
            place(client)
        assert server.connections == 1
        clock[0] = 43
        assert place(client) == ACCEPTED
        assert server.ends.get() == "reset"
    assert server.connections == 2


def test_a_connection_that_the_server_closed_is_replaced() -> None:
    """A kept-alive connection that the server has closed meanwhile costs no outcome."""
    with serving(say_and_close(http(200, REPLY))) as server, client_for(server.port) as client:
        assert place(client) == ACCEPTED
        server.ends.get()
        assert place(client) == ACCEPTED
    assert server.connections == 2


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize(
    "reply",
    [
        http(200, REPLY, "Connection: close"),
        http(200, REPLY) + b"\r\n",
        http(200, REPLY) + b"more",
        http(200, REPLY) + b"HTTP/1.1 500",
        http(200, REPLY) + http(503, b"{}"),
        http(200, REPLY) + b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n?",
    ],
)
def test_a_connection_with_something_left_over_is_not_used_again(
    scheme: str, server_context: ssl.SSLContext, reply: bytes
) -> None:
    """A connection that the server means to close, or on which more came than was asked for, takes no other request."""
    with calling(scheme, say(reply), server_context) as (server, client):
        assert [place(client) for _ in range(2)] == [ACCEPTED] * 2
    assert server.connections == 2


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("at_once", [True, False])
def test_a_second_reply_never_answers_the_next_call(
    scheme: str, server_context: ssl.SSLContext, *, at_once: bool
) -> None:
    """A reply too many stays unread behind one that fills a read, or comes later: the next call gets its own."""
    number = iter(range(100))

    def reply() -> bytes:
        body = json.dumps({"code": 200, "data": {"callId": f"call-{next(number)}"}}).encode()
        return http(200, body.ljust(READ_SIZE_BYTES - len(http(200, b"")) - 3))

    def answer_twice(connection: socket.socket, _request: bytes) -> None:
        first, second = reply(), reply()
        assert len(first) == READ_SIZE_BYTES
        connection.sendall(first + (second if at_once else b""))
        if not at_once:
            connection.sendall(second)

    with calling(scheme, answer_twice, server_context) as (server, client):
        call_ids = []
        for _ in range(3):
            call_ids.append(place(client).call_id)
            time.sleep(0.05)  # the second reply arrives
    assert call_ids == ["call-0", "call-2", "call-4"]
    assert server.connections == 3


def test_many_threads_share_a_client() -> None:
    """Of 32 calls in flight at once each gets its own reply, over connections that the next 32 calls use again."""
    all_here = threading.Barrier(32)

    def echo(connection: socket.socket, request: bytes) -> None:
        all_here.wait(timeout=60)
        mobile = parse_qs(request.decode())["mobile"]
        connection.sendall(http(200, json.dumps({"code": 200, "data": {"callId": mobile[0][-4:]}}).encode()))

    calls = [Call(f"1380013{last:04}", "453662", []) for last in range(64)]
    with serving(echo) as server, client_for(server.port) as client, ThreadPoolExecutor(32) as threads:
        outcomes = [*threads.map(partial(place, client), calls[:32]), *threads.map(partial(place, client), calls[32:])]
    assert [outcome.call_id for outcome in outcomes] == [call.mobile[-4:] for call in calls]
    assert server.connections == 32
