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

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from requests import PreparedRequest
    from urllib3.response import HTTPResponse

#: The largest reply that is read, in bytes; the documented ones have about a hundred.
REPLY_LIMIT = 64 * 1024

#: Seconds after its last request for which a kept-alive connection is used again. A server that closes an idle one says
#: so, but a load balancer or NAT in between may drop it without a word, and the next request would be lost in silence.
IDLE_LIMIT = 15.0

_SOCKET_OPTIONS: list[tuple[int, int, int | bytes]] = [
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    # On, 0 s: closing, by whatever end of the process, discards what is not delivered yet. So a request that was given
    # up on cannot reach the provider later, when the number's window has been stamped already.
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
    _head = b""

    @property
    def is_connected(self) -> bool:
        """False also after `IDLE_LIMIT`."""
        return super().is_connected and monotonic() - self._used_at < IDLE_LIMIT

    def send(self, data: Any) -> None:  # noqa: ANN401 — http.client's own types
        """Write a request, which comes as its head, then its body, in one piece, if there is still time for it.

        The guard is asked last, when the connection is open.
        """
        if self.sock is None:
            self.connect()
        if not self._head:
            self._head = data
            return
        data, self._head = self._head + data, b""
        current = _guard.get()
        current.check()
        current.begun = True
        self._used_at = monotonic()
        super().send(data)

    def close(self) -> None:
        """Close it, and forget a request that was not written."""
        self._head = b""
        super().close()


class GuardedTLSConnection(GuardedConnection, HTTPSConnection):
    """The same over TLS."""


class Adapter(HTTPAdapter):
    """requests' transport to one address, straight onto guarded connections that are kept alive.

    The way through a session and urllib3's pool costs as much again as the request itself: redirects, retries, cookies,
    proxies and other hosts, none of which have a part here.
    """

    def __init__(self, url: str) -> None:
        super().__init__()
        parts = urlsplit(url)
        self._target = parts.path or "/"
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

        The read timeout is for the whole body, but for one last read. Raises what the connection does: `OSError`, and
        urllib3's and http.client's errors.
        """
        connect_timeout, read_timeout = cast("tuple[float, float]", timeout)
        connection = self._take()
        try:
            connection.timeout = connect_timeout
            connection.request("POST", self._target, request.body, request.headers, preload_content=False)
            connection.timeout = read_timeout
            reply = connection.getresponse()
            body = _read(reply, read_timeout)
        except BaseException:
            connection.close()
            raise
        if len(body) > REPLY_LIMIT:
            connection.close()
        else:
            self._idle.append(connection)
        response = Response()
        response.status_code = reply.status
        response.raw = BytesIO(body)
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


def _read(reply: HTTPResponse, seconds: float) -> bytes:
    until = monotonic() + seconds
    body = bytearray()
    while len(body) <= REPLY_LIMIT and (part := reply.read1(REPLY_LIMIT, decode_content=False)):
        body += part
        if monotonic() > until:
            raise TimeoutError("the reply took too long")
    return bytes(body)
