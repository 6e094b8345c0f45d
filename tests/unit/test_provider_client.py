"""The provider's client against real servers on loopback sockets."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import queue
import socket
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import parse_qs

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tenacity import wait_fixed, wait_none
from urllib3.connection import HTTPConnection

from tests.support.tls import KEY_AND_CERTIFICATE
from voice_notify import __version__
from voice_notify.domain.outcome import Kind, Outcome
from voice_notify.provider import client as client_module
from voice_notify.provider import connections
from voice_notify.provider.client import Call, ProviderClient
from voice_notify.provider.connections import REPLY_LIMIT
from voice_notify.provider.signing import sign

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Answer = Callable[[socket.socket, bytes], None]

APP_ID = "xyzxy2121zxyz"
SECRET = "efcefcef1121cefcefc1212121"
NOW_MS = 1555378976238
SIGN = sign(APP_ID, SECRET, NOW_MS)
MOBILE = "13800138000"
CALL = Call(MOBILE, "453662", ["张三", "3号楼"])
REPLY = json.dumps(
    {"code": 200, "msg": "成功", "taskNo": "69564903663951243279", "data": {"callId": "12121212121212"}}
).encode()
ACCEPTED = Outcome(Kind.ACCEPTED, "200", "成功", "12121212121212", "69564903663951243279")
PATH = "/voice-notify/send-v2"


def http(status: int, body: bytes, *headers: str) -> bytes:
    """A whole HTTP response with a length."""
    head = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(head).encode() + body


def say(data: bytes) -> Answer:
    """An answer of these bytes, after which the connection stays open."""
    return lambda connection, _request: connection.sendall(data)


def say_and_close(data: bytes) -> Answer:
    """An answer of these bytes, after which the connection is closed."""

    def answer(connection: socket.socket, _request: bytes) -> None:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_RDWR)

    return answer


def say_nothing(connection: socket.socket, _request: bytes = b"") -> None:
    """No answer: wait until the client goes away."""
    connection.recv(1)


succeed = say(http(200, REPLY))


def read_request(stream: BinaryIO) -> bytes:
    """One request, head and body, or nothing at the end of the connection."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = stream.readline()
        if not line:
            return b""
        head += line
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    return head + stream.read(length)


class Server:
    """A provider that records each request and lets `answer` speak on the bare socket.

    `ends` tells how each connection ended as the server saw it: "closed", "reset", or "failed" for an error of TLS.
    """

    def __init__(self, answer: Answer, context: ssl.SSLContext | None) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self.ends: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._answer = answer
        self._context = context
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads: list[threading.Thread] = []

    def listen(self) -> None:
        """Accept connections from now on; until then they are refused."""
        self._listener.listen(64)
        self._start(self._accept)

    def forms(self) -> list[dict[str, list[str]]]:
        """The bodies of the requests."""
        return [parse_qs(request.partition(b"\r\n\r\n")[2].decode(), strict_parsing=True) for request in self.requests]

    def stop(self) -> None:
        """Accept no more, and wait until every connection has ended."""
        with contextlib.suppress(OSError):  # it never listened
            self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _start(self, run: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=run, args=args)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # stopped
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection:
                self._converse(self._context.wrap_socket(connection, server_side=True) if self._context else connection)
            self.ends.put("closed")
        except (ConnectionResetError, BrokenPipeError):
            self.ends.put("reset")
        except OSError:
            self.ends.put("failed")

    def _converse(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as stream:
            while request := read_request(stream):
                self.requests.append(request)
                self._answer(connection, request)


@contextlib.contextmanager
def serving(
    answer: Answer = succeed, context: ssl.SSLContext | None = None, *, listen: bool = True
) -> Iterator[Server]:
    """A server for the length of a test."""
    server = Server(answer, context)
    if listen:
        server.listen()
    try:
        yield server
    finally:
        server.stop()


def client_for(
    port: int,
    base: str = "http://127.0.0.1",
    *,
    connect_timeout: float = 30,
    read_timeout: float = 30,
    app_secret: Callable[[], str] = lambda: SECRET,
) -> contextlib.closing[ProviderClient]:
    """A client of the server at `port`, closed at the end of the test."""
    return contextlib.closing(
        ProviderClient(
            base_url=f"{base}:{port}{PATH}",
            app_id=APP_ID,
            app_secret=app_secret,
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
        )
    )


def place(client: ProviderClient, call: Call = CALL, *, seconds: float = 60) -> Outcome:
    """Place `call` with this long to send it."""
    return client.place_call(call, timestamp_ms=NOW_MS, send_by=time.monotonic() + seconds)


def outcome_of(answer: Answer, *, read_timeout: float = 30) -> Outcome:
    """The outcome of one call that is answered so."""
    with serving(answer) as server, client_for(server.port, read_timeout=read_timeout) as client:
        outcome = place(client)
    assert len(server.requests) == 1
    return outcome


@pytest.fixture(autouse=True)
def _no_wait_between_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "_CONNECT_WAIT", wait_none())


@pytest.fixture
def context(tmp_path: Path) -> ssl.SSLContext:
    """TLS for a server that is called localhost."""
    pem = tmp_path / "localhost.pem"
    pem.write_text(KEY_AND_CERTIFICATE)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


@pytest.fixture
def trusted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let the client trust that server's certificate."""
    pem = tmp_path / "trusted.pem"
    pem.write_text(KEY_AND_CERTIFICATE)
    monkeypatch.setattr(connections, "DEFAULT_CA_BUNDLE_PATH", str(pem))


def test_the_request() -> None:
    """A request is the documented form, signed, with the variables joined by commas, and asks for plain JSON."""
    with serving() as server, client_for(server.port) as client:
        place(client)
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    line, *headers = head.decode().split("\r\n")
    assert line == f"POST {PATH} HTTP/1.1"
    assert set(headers) == {
        f"Host: 127.0.0.1:{server.port}",
        f"User-Agent: voice-notify/{__version__}",
        "Accept: application/json",
        "Accept-Encoding: identity",
        "Content-Type: application/x-www-form-urlencoded",
        f"Content-Length: {len(body)}",
    }
    assert server.forms() == [
        {
            "appId": [APP_ID],
            "timestamp": [str(NOW_MS)],
            "sign": ["6ddcdc405743c576cb6d34b17b47ed56e2b9b6670fae1fe85ed01244fd31558b"],
            "mobile": [MOBILE],
            "templateId": ["453662"],
            "param": ["张三,3号楼"],
        }
    ]


def test_a_host_whose_name_is_not_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server reads its name as the wire has it."""
    resolve = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda _, *rest, **options: resolve("127.0.0.1", *rest, **options))
    with serving() as server, client_for(server.port, "http://例子.cn") as client:
        assert place(client) == ACCEPTED
    assert f"Host: xn--fsqu00a.cn:{server.port}\r\n".encode() in server.requests[0]


def test_a_template_without_variables() -> None:
    """Without variables there is no `param`."""
    with serving() as server, client_for(server.port) as client:
        place(client, Call(MOBILE, "453662", []))
    assert set(server.forms()[0]) == {"appId", "timestamp", "sign", "mobile", "templateId"}


def test_a_changed_secret() -> None:
    """The secret is asked for each call, so the next call is signed with a changed one."""
    secrets = iter(["old", "new"])
    with serving() as server, client_for(server.port, app_secret=lambda: next(secrets)) as client:
        place(client)
        place(client)
    assert [form["sign"] for form in server.forms()] == [[sign(APP_ID, "old", NOW_MS)], [sign(APP_ID, "new", NOW_MS)]]


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (400, Kind.REFUSED),
        (404, Kind.ACCOUNT),
        (500, Kind.TRANSIENT),
        (501, Kind.TRANSIENT),
        (601, Kind.ACCOUNT),
        (602, Kind.ACCOUNT),
        (603, Kind.ACCOUNT),
        (604, Kind.ACCOUNT),
        (606, Kind.TOMORROW),
        (609, Kind.TRANSIENT),
        (999, Kind.UNCLEAR),
        (605, Kind.UNCLEAR),
    ],
)
def test_each_documented_code(code: int, kind: Kind) -> None:
    """Each documented code arrives as its outcome, with its `msg`."""
    reply = json.dumps({"msg": "原因", "code": code}).encode()
    assert outcome_of(say(http(200, reply))) == Outcome(kind, str(code), "原因")


@pytest.mark.parametrize(
    "answer",
    [
        succeed,
        say_and_close(http(200, REPLY)),
        say_and_close(b"HTTP/1.0 200 OK\r\n\r\n" + REPLY),
        say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(REPLY), REPLY)),
        say(b"HTTP/1.1 100 Continue\r\n\r\n" + http(200, REPLY)),
        say(http(200, REPLY, "Content-Type: application/json; charset", "Set-Cookie: ;;=", "X:")),
        say(http(200, REPLY) + b"and more that nobody asked for"),
        say(http(200, REPLY) + http(503, b"{}")),
    ],
)
def test_the_forms_of_a_reply(answer: Answer) -> None:
    """A success is accepted in every form that HTTP allows, whatever comes after it."""
    assert outcome_of(answer) == ACCEPTED


@pytest.mark.parametrize(
    "answer",
    [
        say(http(200, REPLY, "Connection: close")),
        say(http(200, REPLY) + b"more"),
        say(http(200, REPLY) + http(503, b"{}")),
        say(http(200, REPLY) + b"HTTP/1.1 500"),
    ],
)
def test_a_connection_that_is_not_used_again(answer: Answer) -> None:
    """A connection that the server means to close, or on which more came than was asked for, takes no other request."""
    with serving(answer) as server, client_for(server.port) as client:
        assert [place(client) for _ in range(2)] == [ACCEPTED] * 2
    assert server.connections == 2


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (say_and_close(b""), Kind.UNCONFIRMED, "cut"),
        (say_and_close(b"HTTP/1.1 20"), Kind.UNCONFIRMED, "cut"),
        (say_and_close(b"HTTP/1.1 200 OK\r\nContent-Le"), Kind.UNCONFIRMED, "cut"),
        (say_and_close(b"HTTP/1.1 100 Continue\r\n\r\n"), Kind.UNCONFIRMED, "cut"),
        (say(http(200, REPLY, "no colon")), Kind.UNCONFIRMED, "cut"),
        (say_and_close(http(200, REPLY)[:-5]), Kind.UNCONFIRMED, "cut"),
        (say_and_close(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n99\r\n{"), Kind.UNCONFIRMED, "cut"),
        (say_and_close(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), Kind.UNCONFIRMED, "cut"),
        (say_and_close(b"mobile=" + MOBILE.encode() + b"\r\n\r\n"), Kind.UNCONFIRMED, "cut"),
        (say_and_close(b"HTTP/1.0 200 OK\r\n\r\n" + REPLY[:-5]), Kind.UNCONFIRMED, "garbage"),
        (say(http(200, b"<html>")), Kind.UNCONFIRMED, "garbage"),
        (say(http(204, b"")), Kind.UNCONFIRMED, "http-204"),
        (say(http(200, b" " * REPLY_LIMIT + REPLY)), Kind.UNCONFIRMED, "reply-too-large"),
        (say(http(500, b"")), Kind.UNCONFIRMED, "http-500"),
        (say(http(502, b"<html>")), Kind.UNCONFIRMED, "http-502"),
        (say(http(503, b"busy", "Retry-After: 1")), Kind.TRANSIENT, "http-503"),
        (say(http(503, b"busy") + http(200, b"")), Kind.TRANSIENT, "http-503"),
        (say(http(429, b"")), Kind.TRANSIENT, "http-429"),
        (say(http(404, b"<html>")), Kind.ACCOUNT, "404"),
        (say(http(403, b"<html>")), Kind.UNCLEAR, "http-403"),
    ],
)
def test_each_failure_after_sending(answer: Answer, kind: Kind, code: str) -> None:
    """A reply that is cut, garbled, too large or not from the interface has its outcome, and repeats no number."""
    outcome = outcome_of(answer)
    assert (outcome.kind, outcome.code) == (kind, code)
    assert MOBILE not in outcome.message


@pytest.mark.parametrize(("head", "code"), [(b"\r\n", "reply-too-large"), (b"X: ", "cut")])
def test_an_endless_reply(head: bytes, code: str) -> None:
    """A body without an end, or headers without one, are read up to a limit, and the connection is closed."""

    def stream_for_ever(connection: socket.socket, _request: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n" + head)
        while True:
            connection.sendall(b"x" * 1024)

    with serving(stream_for_ever) as server, client_for(server.port) as client:
        assert place(client).code == code
        assert server.ends.get() == "reset"


def test_a_read_timeout() -> None:
    """Without a reply in time the call is unconfirmed, and its connection is reset before the outcome is told."""
    with serving(say_nothing) as server, client_for(server.port, read_timeout=0.05) as client:
        outcome = place(client)
        assert server.ends.get() == "reset"
    assert (outcome.kind, outcome.code) == (Kind.UNCONFIRMED, "read-timeout")


@pytest.mark.parametrize("head", ["", "X: ", "\r\n", "Content-Length: 50000\r\n\r\n"])
def test_a_dripping_reply(head: str) -> None:
    """A reply that comes drop by drop is cut off by the read timeout, though every drop came in time."""

    def drip(connection: socket.socket, _request: bytes) -> None:
        connection.sendall(f"HTTP/1.1 200 OK\r\n{head}".encode())
        while True:
            connection.sendall(b"x")
            time.sleep(0.01)

    with serving(drip) as server, client_for(server.port, read_timeout=0.2) as client:
        outcome = place(client)
        assert server.ends.get() == "reset"
    assert (outcome.kind, outcome.code) == (Kind.UNCONFIRMED, "read-timeout")


def test_a_write_that_fails() -> None:
    """A connection that ends while the request is written makes the call unconfirmed."""
    with socket.create_server(("127.0.0.1", 0)) as listener, client_for(listener.getsockname()[1]) as client:

        def hang_up() -> None:
            listener.accept()[0].close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        outcome = place(client)
        thread.join()
    assert (outcome.kind, outcome.code) == (Kind.UNCONFIRMED, "cut")


def test_a_refused_connection() -> None:
    """A refused connection is reported with its reason: nothing was sent."""
    with serving(listen=False) as server, client_for(server.port) as client:
        outcome = place(client)
    assert (outcome.kind, outcome.code) == (Kind.TRANSIENT, "connect")
    assert "refused" in outcome.message


def test_a_connection_that_opens_at_the_second_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connect failure is retried in place, so a server that comes back at once costs nothing."""
    with serving(listen=False) as server, client_for(server.port) as client:
        monkeypatch.setattr(time, "sleep", lambda _: server.listen())
        assert place(client) == ACCEPTED
    assert len(server.requests) == 1


def test_no_attempt_that_would_be_too_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connect failure is retried twice, but not when the wait would last past `send_by`."""
    waits: list[float] = []
    monkeypatch.setattr(client_module, "_CONNECT_WAIT", wait_fixed(60))
    monkeypatch.setattr(time, "sleep", waits.append)
    with serving(listen=False) as server, client_for(server.port) as client:
        assert place(client, seconds=59).code == "connect"
        assert waits == []
        assert place(client, seconds=179).code == "connect"
        assert waits == [60, 60]


def test_an_unknown_host() -> None:
    """A name that does not resolve is a failure to connect."""
    with serving() as server, client_for(server.port, "http://nosuch.invalid") as client:
        outcome = place(client)
    assert (outcome.kind, outcome.code) == (Kind.TRANSIENT, "dns")


def test_a_connect_timeout() -> None:
    """A server that does not accept in time has got nothing."""
    with (
        socket.create_server(("127.0.0.1", 0), backlog=0) as listener,
        socket.create_connection(listener.getsockname()),  # fills the queue
        client_for(listener.getsockname()[1], connect_timeout=0.05) as client,
    ):
        outcome = place(client)
    assert (outcome.kind, outcome.code) == (Kind.TRANSIENT, "connect-timeout")


def test_a_connect_timeout_does_not_outlast_the_time_to_send() -> None:
    """A connection is not waited for past `send_by`, however long the connect timeout is."""
    with (
        socket.create_server(("127.0.0.1", 0), backlog=0) as listener,
        socket.create_connection(listener.getsockname()),  # fills the queue
        client_for(listener.getsockname()[1], connect_timeout=3600) as client,
    ):
        outcome = place(client, seconds=0.05)
    assert outcome.kind is Kind.TRANSIENT


def test_tls_to_a_server_without_tls() -> None:
    """A TLS handshake that meets plain text is a failure to connect."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        accepted = ThreadPoolExecutor(1)

        def greet() -> None:
            for _ in range(3):
                with listener.accept()[0] as connection:
                    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                    say_nothing(connection)

        with accepted, client_for(listener.getsockname()[1], "https://127.0.0.1") as client:
            greeted = accepted.submit(greet)
            outcome = place(client)
        with contextlib.suppress(ConnectionResetError):
            greeted.result()
    assert (outcome.kind, outcome.code) == (Kind.TRANSIENT, "tls")


def test_a_tls_handshake_without_an_answer() -> None:
    """A TLS handshake that is not answered ends with the connect timeout, and nothing was sent."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        client_for(listener.getsockname()[1], "https://127.0.0.1", connect_timeout=0.05) as client,
    ):
        outcome = place(client)
    assert (outcome.kind, outcome.code) == (Kind.TRANSIENT, "connect-timeout")


def test_a_certificate_that_is_not_trusted(context: ssl.SSLContext) -> None:
    """A self-signed certificate is refused before anything is sent."""
    with serving(succeed, context) as server, client_for(server.port, "https://localhost") as client:
        outcome = place(client)
    assert (outcome.kind, outcome.code) == (Kind.TRANSIENT, "tls")
    assert "self-signed" in outcome.message.replace("self signed", "self-signed")
    assert server.requests == []


@pytest.mark.usefixtures("trusted")
def test_a_certificate_for_another_name(context: ssl.SSLContext) -> None:
    """A trusted certificate for another host is refused before anything is sent."""
    with serving(succeed, context) as server, client_for(server.port, "https://127.0.0.1") as client:
        outcome = place(client)
    assert (outcome.kind, outcome.code) == (Kind.TRANSIENT, "tls")
    assert server.requests == []


@pytest.mark.usefixtures("trusted")
def test_a_trusted_certificate(context: ssl.SSLContext) -> None:
    """Over TLS with the right certificate calls are accepted, on one connection."""
    with serving(succeed, context) as server, client_for(server.port, "https://localhost") as client:
        assert [place(client), place(client)] == [ACCEPTED, ACCEPTED]
    assert server.connections == 1


@pytest.mark.usefixtures("trusted")
def test_tls_that_breaks_after_sending(context: ssl.SSLContext) -> None:
    """An error of TLS in the reply makes the call unconfirmed: the request has arrived."""

    def break_tls(connection: socket.socket, _request: bytes) -> None:
        os.write(connection.fileno(), b"this is no TLS record")
        say_nothing(connection)

    with serving(break_tls, context) as server, client_for(server.port, "https://localhost") as client:
        outcome = place(client)
    assert (outcome.kind, outcome.code) == (Kind.UNCONFIRMED, "cut")
    assert len(server.requests) == 1


def test_a_call_that_is_too_late_already() -> None:
    """After `send_by` not even a connection is opened."""
    with serving() as server, client_for(server.port) as client:
        outcome = place(client, seconds=0)
    assert outcome == Outcome(Kind.TRANSIENT, "too-late", "not sent: the time for it had passed")
    assert server.connections == 0


@pytest.mark.parametrize("calls_before", [0, 1])
def test_a_connection_that_opens_too_late(monkeypatch: pytest.MonkeyPatch, calls_before: int) -> None:
    """When `send_by` passes while the connection is got, new or kept alive, the server sees nothing of the call."""
    with serving() as server, client_for(server.port) as client:
        for _ in range(calls_before):
            place(client)
        monkeypatch.setattr(connections, "monotonic", lambda: time.monotonic() + 60)
        monkeypatch.setattr(connections, "IDLE_LIMIT", 3600)
        assert place(client, seconds=60).code == "too-late"
        assert server.ends.get() == "reset"
    assert len(server.requests) == calls_before
    assert server.connections == 1


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


def test_a_write_may_take_as_long_as_connecting(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a new connection, and on one that was set to wait longer for a reply."""
    timeouts, send = [], HTTPConnection.send

    def note_and_send(connection: HTTPConnection, data: bytes) -> None:
        timeouts.append(connection.sock.gettimeout())
        send(connection, data)

    monkeypatch.setattr(HTTPConnection, "send", note_and_send)
    with serving() as server, client_for(server.port, connect_timeout=4, read_timeout=9) as client:
        assert [place(client) for _ in range(2)] == [ACCEPTED] * 2
    assert timeouts == [4, 4]


def test_connections_are_kept_alive() -> None:
    """Calls one after the other use one connection; closing the client resets it."""
    with serving() as server, client_for(server.port) as client:
        assert [place(client) for _ in range(5)] == [ACCEPTED] * 5
    assert server.connections == 1
    assert server.ends.get() == "reset"


def test_an_idle_connection_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that was idle for the limit is closed, and the next call opens a new one."""
    with serving() as server, client_for(server.port) as client:
        place(client)
        monkeypatch.setattr(connections, "IDLE_LIMIT", 0)
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


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    """A redirect is an unclear reply; its target is not asked."""
    with serving() as elsewhere:
        location = f"Location: http://127.0.0.1:{elsewhere.port}/"
        outcome = outcome_of(say(http(status, b"", location)))
    assert (outcome.kind, outcome.code) == (Kind.UNCLEAR, f"http-{status}")
    assert elsewhere.connections == 0


def test_the_environment_plays_no_part(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither a proxy nor a `.netrc` of the environment touches a request."""
    netrc = tmp_path / "netrc"
    netrc.write_text("default login someone password something\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    with serving() as server, client_for(server.port) as client:
        assert place(client) == ACCEPTED
    assert b"authorization" not in server.requests[0].lower()


def test_cookies_are_not_kept() -> None:
    """A cookie of one reply is not sent with the next call."""
    with serving(say(http(200, REPLY, "Set-Cookie: a=b"))) as server, client_for(server.port) as client:
        place(client)
        place(client)
    assert b"cookie" not in server.requests[1].lower()


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


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.binary()
    | st.binary().map(b"HTTP/1.1 200 OK\r\n".__add__)
    | st.builds(b"HTTP/1.1 %d OK\r\n%b\r\n\r\n%b".__mod__, st.tuples(st.integers(0, 999), st.binary(), st.binary()))
)
def test_no_reply_raises(reply: bytes) -> None:
    """Whatever bytes come back, the call has an outcome, and it is not accepted."""
    assert outcome_of(say_and_close(reply)).kind is not Kind.ACCEPTED


def test_secrets_are_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    """No log line at any level, no message and no representation shows the secret, a signature or a number."""
    caplog.set_level(logging.DEBUG)
    outcomes = [
        outcome_of(succeed),
        outcome_of(say_nothing, read_timeout=0.05),
        outcome_of(say_and_close(f"{SIGN} {MOBILE}\r\n\r\n".encode())),
        outcome_of(say(http(200, json.dumps({"code": 999, "msg": f"{MOBILE} 空号"}).encode()))),
    ]
    with serving(listen=False) as server, client_for(server.port) as client:
        outcomes.append(place(client))
        shown = f"{caplog.text} {outcomes} {CALL} {client!r}"
    assert "138****8000" in shown
    for secret in (SECRET, SIGN, MOBILE, "张三"):
        assert secret not in shown
