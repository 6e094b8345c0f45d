"""A provider that speaks whatever bytes a test likes on a bare socket, and a client that calls it."""

from __future__ import annotations

import contextlib
import json
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from typing import BinaryIO, TypeAlias
from urllib.parse import parse_qs

from voice_notify.domain.outcome import Kind, Outcome
from voice_notify.provider.client import Call, ProviderClient

Answer: TypeAlias = Callable[[socket.socket, bytes], None]

APP_ID = "xyzxy2121zxyz"
SECRET = "efcefcef1121cefcefc1212121"
NOW_MS = 1555378976238
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
