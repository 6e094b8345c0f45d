"""requests' transport to the provider: writes a request in time or not at all, and takes back what it gives up on."""

from __future__ import annotations

import math
import ssl
import zlib
from collections import deque
from io import BytesIO
from time import monotonic
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
from requests.adapters import DEFAULT_CA_BUNDLE_PATH, BaseAdapter
from requests.utils import get_encoding_from_headers

from voice_notify.provider.connection import Connection, Opener
from voice_notify.provider.http_parser import ResponseParser

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from requests import PreparedRequest, Response

#: The largest reply that is read, in bytes; the documented ones have about a hundred.
REPLY_LIMIT_BYTES = 64 * 1024

_RECEIVED_LIMIT_BYTES = 4 * REPLY_LIMIT_BYTES  # with headers, interim responses and the marks of chunks

#: How many bytes are read at once, at most; a reply has a few hundred.
READ_SIZE_BYTES = 4096

_DEFAULT_PORTS = {"http": 80, "https": 443}

_GZIP = b"\x1f\x8b"  # how it begins, and no JSON does
_GZIP_WINDOW = 16 + zlib.MAX_WBITS


class NotSent(requests.ConnectionError):
    """Nothing of the request was written; `__cause__` is what kept it."""


class TooLate(NotSent):
    """The time to write the request had passed."""


class Session(requests.Session):
    """requests' session to the host of one address, over a `Transport` and nothing else.

    Redirects are not followed; proxies, `.netrc` and whatever else the environment says play no part.
    """

    def __init__(self, url: str) -> None:
        """Take an address as requests has prepared it: all of it is ASCII."""
        super().__init__()
        self.trust_env = False
        self.adapters.clear()
        scheme, host, *_ = urlsplit(url)
        self.mount(f"{scheme}://{host}/", Transport(url))

    def resolve_redirects(self, *_: object, **__: object) -> Iterator[Response]:
        """No next request. requests prepares one even where it follows none, and fails where the address is damaged."""
        return iter(())


class Transport(BaseAdapter):
    """The transport adapter: kept-alive connections to the host of `url`, for many threads.

    requests' own adapter knows no `send_by`, no time limit for a whole reply and no way to take a request back. It also
    takes 3 times as much CPU for a call; urllib3's connections without their pool take 2.5 times as much.
    """

    def __init__(self, url: str) -> None:
        super().__init__()
        parts = urlsplit(url)
        self._host = parts.netloc
        context = _tls_context() if parts.scheme == "https" else None
        self._opener = Opener(parts.hostname or "", parts.port or _DEFAULT_PORTS[parts.scheme], context)
        self._idle: deque[Connection] = deque()

    def send(
        self,
        request: PreparedRequest,
        *_: object,
        timeout: Any = None,  # noqa: ANN401 - requests' type, of which a pair is needed here
        send_by: float = math.inf,
        **__: object,
    ) -> Response:
        """The reply to `request`, read to its end or to just over `REPLY_LIMIT_BYTES` bytes.

        Nothing is written from `send_by` (`time.monotonic`) on. `timeout` is a pair of seconds: for connecting, from
        the look-up of the name to TLS, and for the exchange, from the first byte written to the last one read.
        Certificates are always verified; what else a session passes (`stream`, `verify`, `cert`, `proxies`) plays no
        part.

        Raises `NotSent` or `TooLate` where nothing was written; `requests.ReadTimeout` or `requests.ConnectionError`
        where the request, or a part of it, may have arrived.
        """
        connect_timeout, read_timeout = timeout
        written = self._as_bytes(request)
        connection = self._take() or self._open(request, min(connect_timeout, send_by - monotonic()))
        connection.socket.settimeout(read_timeout)
        reply = ResponseParser()
        begun = monotonic()
        if begun >= send_by:
            connection.close()
            raise TooLate(request=request)
        try:
            connection.socket.sendall(written)
            _read(reply, connection.socket, begun + read_timeout)
            return self._response(reply, request)
        except TimeoutError as error:
            raise requests.ReadTimeout(error, request=request) from error
        except Exception as error:
            raise requests.ConnectionError(error, request=request) from error
        finally:
            self._give_back(connection, reusable=reply.keeps_alive)

    def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._idle.pop().close()

    def _as_bytes(self, request: PreparedRequest) -> bytes:
        """Head and body of `request`, to be written in one piece."""
        head = [f"{request.method} {request.path_url} HTTP/1.1", f"Host: {self._host}"]
        head += [f"{name}: {value}" for name, value in request.headers.items()]
        body = request.body or b""
        return "\r\n".join([*head, "", ""]).encode() + (body if isinstance(body, bytes) else body.encode())

    def _take(self) -> Connection | None:
        """The idle connection that was used last, of those that can be used again."""
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return None
            if connection.is_reusable:
                return connection
            connection.close()

    def _open(self, request: PreparedRequest, seconds: float) -> Connection:
        if seconds <= 0:
            raise TooLate(request=request)
        try:
            return self._opener.open(seconds)
        except Exception as error:
            raise NotSent(error, request=request) from error

    def _give_back(self, connection: Connection, *, reusable: bool) -> None:
        if reusable:
            connection.note_use()
            self._idle.append(connection)
        else:
            connection.close()

    def _response(self, reply: ResponseParser, request: PreparedRequest) -> Response:
        response = requests.Response()
        response.status_code = reply.status
        response.reason = reply.reason
        for name, value in reply.headers.items():
            response.headers[name] = value
        response.encoding = _encoding(response)
        response.raw = BytesIO(_decompressed(reply.body))
        response.url = request.url or ""
        response.request = request
        return response


def _tls_context() -> ssl.SSLContext:
    """Made once: to read all trusted certificates takes 20 ms."""
    context = ssl.create_default_context(cafile=DEFAULT_CA_BUNDLE_PATH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


def _read(reply: ResponseParser, opened: socket.socket, until: float) -> None:
    """Read the reply to its end or to just over `REPLY_LIMIT_BYTES`, in the time `until` (`time.monotonic`)."""
    received = 0
    while not reply.is_complete and len(reply.body) <= REPLY_LIMIT_BYTES:
        left = until - monotonic()
        if left <= 0:
            raise TimeoutError("the reply took too long")
        opened.settimeout(left)
        data = opened.recv(READ_SIZE_BYTES)
        reply.feed(data)
        received += len(data)
        if received > _RECEIVED_LIMIT_BYTES:
            raise ValueError("the reply's headers are too large")


def _encoding(response: Response) -> str | None:
    try:
        return get_encoding_from_headers(response.headers)
    except AttributeError:  # older versions of requests, for a charset without a value
        return None


def _decompressed(body: bytearray) -> bytes | bytearray:
    """`body` without a compression that nobody asked for, to just over `REPLY_LIMIT_BYTES`."""
    if not body.startswith(_GZIP):
        return body
    return zlib.decompressobj(_GZIP_WINDOW).decompress(body, REPLY_LIMIT_BYTES + 1)
