"""Connections that write a request in time or not at all, and that take it back when they are given up on.

The client guards a request with `guard`; every connection that the same thread then uses obeys the guard at the one
place where bytes leave it, `send`.
"""

from __future__ import annotations

import socket
import ssl
import struct
from collections import deque
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from time import monotonic
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from requests import Response
from requests.adapters import DEFAULT_CA_BUNDLE_PATH, HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection

from voice_notify.provider.reply import Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from requests import PreparedRequest

#: The largest reply that is read, in bytes; the documented ones have about a hundred.
REPLY_LIMIT = 64 * 1024

_MOST_RECEIVED = 4 * REPLY_LIMIT  # with headers and the marks of chunks
_PART = 4096  # of one read; a reply has a few hundred bytes

#: Seconds after its last request for which a kept-alive connection is used again. A server that closes an idle one says
#: so, but a load balancer or NAT in between may drop it without a word, and the next request would be lost in silence.
IDLE_LIMIT = 15.0

_SOCKET_OPTIONS: list[tuple[int, int, int | bytes]] = [
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    # On, 0 s: closing, by whatever end of the process, discards what is not delivered yet. So a request that was given
    # up on cannot reach the provider later, when the number's call time has been settled already.
    (socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)),
]


class TooLate(Exception):
    """The request's time passed before it was written; the provider has seen no complete request."""


@dataclass(slots=True)
class Guard:
    """The rule for one request, and what became of it.

    `send_by` is a `time.monotonic` instant; `begun` turns true before the first byte is written.
    """

    send_by: float
    begun: bool = False

    def check(self) -> None:
        """Raise `TooLate` from `send_by` on."""
        if monotonic() >= self.send_by:
            raise TooLate


_guard: ContextVar[Guard] = ContextVar("guard")


@contextmanager
def guard(send_by: float) -> Iterator[Guard]:
    """Let the requests of this thread be written before `send_by` only."""
    current = Guard(send_by)
    token = _guard.set(current)
    try:
        yield current
    finally:
        _guard.reset(token)


class GuardedConnection(HTTPConnection):
    """A connection that obeys the guard of its thread and is not used again after `IDLE_LIMIT`."""

    _used_at = 0.0

    @property
    def is_connected(self) -> bool:
        """False also after `IDLE_LIMIT`."""
        return super().is_connected and monotonic() - self._used_at < IDLE_LIMIT

    def send(self, data: Any) -> None:  # noqa: ANN401 — http.client's own types
        """Write a request, whole and in one piece, if there is still time for it.

        The guard is asked last, when the connection is open.
        """
        if self.sock is None:
            self.connect()
        else:
            self.sock.settimeout(self.timeout)
        current = _guard.get()
        current.check()
        current.begun = True
        self._used_at = monotonic()
        super().send(data)


class GuardedTLSConnection(GuardedConnection, HTTPSConnection):
    """The same over TLS."""


class Adapter(HTTPAdapter):
    """requests' transport to one address, straight onto guarded connections that are kept alive.

    urllib3 opens them, httptools reads what comes back. The way through a session, urllib3's pool and http.client costs
    more than twice as much: redirects, retries, cookies, proxies and other hosts, none of which have a part here.
    """

    def __init__(self, url: str) -> None:
        """Take the address as requests has prepared it: all of it is ASCII."""
        super().__init__()
        parts = urlsplit(url)
        self._head = f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        self._connection: Callable[..., GuardedConnection]
        if parts.scheme == "https":
            # Made once: reading all trusted certificates takes 20 ms.
            context = ssl.create_default_context(cafile=DEFAULT_CA_BUNDLE_PATH)
            self._connection = partial(GuardedTLSConnection, parts.hostname or "", parts.port, ssl_context=context)
        else:
            self._connection = partial(GuardedConnection, parts.hostname or "", parts.port)
        self._idle: deque[GuardedConnection] = deque()

    def send(self, request: PreparedRequest, *_: object, timeout: object = None, **__: object) -> Response:
        """The reply to `request`, read to its end or to just over `REPLY_LIMIT`; `timeout` is (connect, read) seconds.

        The read timeout is for the whole reply, but for one last read. Raises what the connection does: `OSError`,
        urllib3's errors, `HttpParserError`, and `EOFError` where it ended too early.
        """
        connect_timeout, read_timeout = cast("tuple[float, float]", timeout)
        head = self._head + "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
        connection = self._take()
        try:
            connection.timeout = connect_timeout
            connection.send(f"{head}\r\n".encode() + cast("bytes", request.body))
            connection.sock.settimeout(read_timeout)
            reply = _read(connection.sock, read_timeout)
        except BaseException:
            connection.close()
            raise
        if reply.keeps_alive:
            self._idle.append(connection)
        else:
            connection.close()
        response = Response()
        response.status_code = reply.status
        response.raw = BytesIO(reply.body)
        return response

    def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._idle.pop().close()

    def _take(self) -> GuardedConnection:
        """The connection that was used last, if it still can be, or a new one; it connects when it is used."""
        try:
            connection = self._idle.pop()
        except IndexError:
            return self._connection(socket_options=_SOCKET_OPTIONS)
        if not connection.is_connected:
            connection.close()
        return connection


def _read(connection: socket.socket, seconds: float) -> Reply:
    until, received = monotonic() + seconds, 0
    reply = Reply()
    while not reply.is_whole and len(reply.body) <= REPLY_LIMIT:
        data = connection.recv(_PART)
        reply.feed(data)
        received += len(data)
        if received > _MOST_RECEIVED:
            raise ValueError("the reply's headers are too large")
        if not reply.is_whole and monotonic() > until:
            raise TimeoutError("the reply took too long")
    return reply
