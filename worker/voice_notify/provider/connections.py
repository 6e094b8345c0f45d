"""Connections that write a request in time or not at all, and that take it back when they are given up on.

The client guards a request with `guard`; every connection that the same thread then uses obeys the guard at the one
place where bytes leave it, `send`.
"""

from __future__ import annotations

import socket
import ssl
import struct
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any

from requests import Response
from requests.adapters import DEFAULT_CA_BUNDLE_PATH, HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from requests import PreparedRequest
    from urllib3.response import BaseHTTPResponse

#: Seconds after its last request for which a kept-alive connection is used again. A server that closes an idle one says
#: so, but a load balancer or NAT in between may drop it without a word, and the next request would be lost in silence.
IDLE_LIMIT = 15.0

_SOCKET_OPTIONS = [
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

    @property
    def is_connected(self) -> bool:
        """False also after `IDLE_LIMIT`: the pool closes such a connection, and `send` opens it anew."""
        return super().is_connected and monotonic() - self._used_at < IDLE_LIMIT

    def send(self, data: Any) -> None:  # noqa: ANN401 — http.client's own types
        """Write a part of the request, its head or its body, if there is still time for it.

        The guard is asked last, when the connection is open. A head without its body is no request, so a body that
        is late is held back too.
        """
        if self.sock is None:
            self.connect()
        current = _guard.get()
        current.check()
        current.begun = True
        self._used_at = monotonic()
        super().send(data)


class GuardedTLSConnection(GuardedConnection, HTTPSConnection):
    """The same over TLS."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = GuardedConnection


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = GuardedTLSConnection


class Adapter(HTTPAdapter):
    """The transport of requests to one address, over guarded connections, of which `connections` are kept alive."""

    def __init__(self, url: str, connections: int) -> None:
        super().__init__(pool_maxsize=connections)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TLSPool}
        self.poolmanager.connection_pool_kw |= {
            "socket_options": _SOCKET_OPTIONS,
            # Read once: left to requests, every connection reads all trusted certificates, for 20 ms.
            "ssl_context": ssl.create_default_context(cafile=DEFAULT_CA_BUNDLE_PATH),
        }
        self._pool: HTTPConnectionPool = self.poolmanager.connection_from_url(url)

    def get_connection_with_tls_context(self, *_args: object, **_kwargs: object) -> HTTPConnectionPool:
        """The pool, without looking for it again on every request."""
        return self._pool

    def cert_verify(self, *_args: object, **_kwargs: object) -> None:
        """Leave certificates and host names to the context above."""

    def build_response(self, req: PreparedRequest, resp: BaseHTTPResponse) -> Response:  # noqa: ARG002 — requests' own
        """Status and body, all that a reply is read for: no cookie is kept, and no strange header can make it fail."""
        response = Response()
        response.status_code = resp.status
        response.raw = resp
        return response

    def close(self) -> None:
        """Close the idle connections now; urllib3's pool manager would leave them to the garbage collector."""
        self._pool.close()
