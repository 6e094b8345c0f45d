"""Opens connections to the provider, and tells which of them may take another request."""

from __future__ import annotations

import select
import socket
import ssl
import struct
from collections.abc import Sequence
from concurrent.futures import Future
from threading import Lock, Thread
from time import monotonic
from typing import TypeAlias

_Address: TypeAlias = tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[str | int | bytes, ...]]

#: Seconds after its last reply for which a kept-alive connection is used again. A server that closes an idle one says
#: so, but a load balancer or NAT in between may drop it without a word, and the next request would be lost in silence.
_IDLE_LIMIT_S = 15.0

#: The least time for one of several addresses, if there is so much: the system repeats a lost packet after a second.
_LEAST_ADDRESS_TIME_S = 1.5

_SOCKET_OPTIONS: list[tuple[int, int, int | bytes]] = [
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    # On, 0 s: closing, by whatever end of the process, discards what is not delivered yet. So a request that was given
    # up on cannot reach the provider later, when the number's call time has been settled already.
    (socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)),
]


class Connection:
    """An open connection, plain or over TLS. Closing it takes back what it has not delivered yet."""

    def __init__(self, opened: socket.socket) -> None:
        self.socket = opened
        self._readable = select.poll()
        self._readable.register(opened, select.POLLIN)
        self._last_used = monotonic()

    def note_use(self) -> None:
        """Begin the time for which it may be idle."""
        self._last_used = monotonic()

    @property
    def is_reusable(self) -> bool:
        """Whether it is open, not idle for too long, and nothing is left over that could pass for the next reply."""
        if isinstance(self.socket, ssl.SSLSocket) and self.socket.pending():
            return False
        return monotonic() - self._last_used < _IDLE_LIMIT_S and not self._readable.poll(0)

    def close(self) -> None:
        """Reset it."""
        self.socket.close()


class Opener:
    """Opens connections to one host, over TLS if there is a `context`."""

    def __init__(self, host: str, port: int, context: ssl.SSLContext | None) -> None:
        self._host = host
        self._context = context
        self._name = _NameLookUp(host, port)

    def open(self, seconds: float) -> Connection:
        """A new connection: the look-up of the name, all its addresses and TLS together take at most `seconds`.

        Raises `OSError`, in its kinds `ssl.SSLError`, `socket.gaierror`, `TimeoutError` and others, and `UnicodeError`
        for a name that cannot exist.
        """
        until = monotonic() + seconds
        opened = self._connect(self._name.addresses(seconds), until)
        try:
            if self._context:
                opened.settimeout(_time_left(until))
                opened = self._context.wrap_socket(opened, server_hostname=self._host)
        except BaseException:
            opened.close()
            raise
        return Connection(opened)

    @staticmethod
    def _connect(addresses: Sequence[_Address], until: float) -> socket.socket:
        """A socket to the first address that answers; each has its share of the time that is left."""
        failure = OSError("the name has no address")
        for index, address in enumerate(addresses):
            try:
                left = _time_left(until)
                return _connect_to(address, min(left, max(left / (len(addresses) - index), _LEAST_ADDRESS_TIME_S)))
            except OSError as error:
                failure = error
        raise failure


class _NameLookUp:
    """Looks a name up, in the time that a caller has; those that ask at the same time share one look-up.

    The system's own function takes no time limit; while the name servers are silent, it returns after 10 s or more.
    """

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._lock = Lock()
        self._look_up: Future[Sequence[_Address]] | None = None

    def addresses(self, seconds: float) -> Sequence[_Address]:
        with self._lock:
            if self._look_up is None or self._look_up.done():
                begun: Future[Sequence[_Address]] = Future()
                Thread(target=self._run, args=(begun,), name="look-up", daemon=True).start()
                self._look_up = begun
            look_up = self._look_up
        try:
            return look_up.result(seconds)
        except TimeoutError:
            raise TimeoutError(f"the look-up of {self._host} took too long") from None

    def _run(self, look_up: Future[Sequence[_Address]]) -> None:
        try:
            look_up.set_result(socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM))
        except Exception as error:  # noqa: BLE001 - it belongs to those who wait
            look_up.set_exception(error)


def _connect_to(address: _Address, seconds: float) -> socket.socket:
    family, kind, protocol, _, where = address
    opened = socket.socket(family, kind, protocol)
    try:
        for option in _SOCKET_OPTIONS:
            opened.setsockopt(*option)
        opened.settimeout(seconds)
        opened.connect(where)
    except BaseException:
        opened.close()
        raise
    return opened


def _time_left(until: float) -> float:
    left = until - monotonic()
    if left <= 0:
        raise TimeoutError("connecting took too long")
    return left
