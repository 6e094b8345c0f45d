"""The sandbox on a socket."""

from __future__ import annotations

import signal
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from voice_notify.sandbox.console import Console
from voice_notify.sandbox.endpoint import Endpoint

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator
    from types import FrameType

    from starlette.types import ASGIApp, Receive, Scope, Send

    from voice_notify.sandbox.config import SandboxConfig

PATH = "/voice-notify/send-v2"

_BACKLOG = 2048
_KEEP_ALIVE_SECONDS = 75


class _CuttableProtocol(H11Protocol):
    """Hands its transport to the application, which can so cut the connection: ASGI itself has no way to."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}

    def shutdown(self) -> None:
        """At the server's end, cut what is still open instead of waiting for it: some requests hang for ever."""
        self.transport.abort()


def create_app(config: SandboxConfig) -> ASGIApp:
    """The sandbox as an ASGI application; to cut connections it needs the protocol that `serve` gives it."""
    endpoint = Endpoint(config)
    console = Console(endpoint).app()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await (endpoint if scope["path"] == PATH else console)(scope, receive, send)

    return app


def serve(config: SandboxConfig, *, host: str, port: int, ready: Callable[[int], None] | None = None) -> None:
    """Run the sandbox until SIGTERM or SIGINT; call it in a process's main thread.

    `port` 0 takes a free one. `ready` is called with the actual port once connections are taken; raise `OSError` if
    there is no such host or the port is taken.
    """
    server = uvicorn.Server(_uvicorn_config(create_app(config)))
    with _listen(host, port) as listener, _signals_end(server):
        if ready is not None:
            ready(listener.getsockname()[1])
        server.run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    # The protocol is named because asyncio sets TCP_NODELAY only then; a reply of two writes would take 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def _uvicorn_config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=_CuttableProtocol,
        loop="asyncio",
        ws="none",
        lifespan="off",
        # Quiet, and an access log would show the numbers of requests that use GET.
        log_config=None,
        log_level="error",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=_BACKLOG,
        # Longer than a client keeps an idle connection: closed under its next request, that would look cut.
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
    )


@contextmanager
def _signals_end(server: uvicorn.Server) -> Iterator[None]:
    """Let a signal end the server and nothing else.

    uvicorn takes signals itself while it runs, but raises them once more at its end, to the handlers that it found.
    """

    def end(_: int, __: FrameType | None) -> None:
        server.should_exit = True

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
