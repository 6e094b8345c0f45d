"""The sandbox as an ASGI application, and served on a socket."""

from __future__ import annotations

import signal
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from voice_notify.sandbox.control_api import ControlApi
from voice_notify.sandbox.send_endpoint import SendEndpoint

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator
    from types import FrameType

    from starlette.types import ASGIApp, Receive, Scope, Send

    from voice_notify.sandbox.config import SandboxConfig

PATH = "/voice-notify/send-v2"

_BACKLOG = 2048
_KEEP_ALIVE_S = 75


class _CuttableProtocol(H11Protocol):
    """Gives its transport to the application, which can then cut the connection: ASGI itself has no means for that."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # uvicorn's
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}

    def shutdown(self) -> None:
        """When the server stops, cut what is still open instead of waiting: a request may be meant to hang."""
        self.transport.abort()


def create_app(config: SandboxConfig) -> ASGIApp:
    """Return the sandbox as an ASGI application; to cut connections, it needs the protocol that `serve` gives it."""
    endpoint = SendEndpoint(config)
    control_api = ControlApi(endpoint).app()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await (endpoint if scope["path"] == PATH else control_api)(scope, receive, send)

    return app


def serve(config: SandboxConfig, *, host: str, port: int, ready: Callable[[int], None] | None = None) -> None:
    """Run the sandbox until SIGTERM or SIGINT; call it in a process's main thread.

    With `port` 0 it takes a free one. `ready` is called with the actual port once connections are accepted.
    Raises `OSError` if there is no such host, or the port is in use.
    """
    server = uvicorn.Server(_uvicorn_config(create_app(config)))
    with _listen(host, port) as listener, _stop_on_signals(server):
        if ready is not None:
            ready(listener.getsockname()[1])
        server.run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    # With the protocol named, asyncio sets TCP_NODELAY; without it, a reply of two writes would take 40 ms.
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
        # An access log would show the numbers in the URLs of GET requests.
        log_config=None,
        log_level="error",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=_BACKLOG,
        # Longer than a client keeps an idle connection: one that closes under the next request would look like a cut.
        timeout_keep_alive=_KEEP_ALIVE_S,
    )


@contextmanager
def _stop_on_signals(server: uvicorn.Server) -> Iterator[None]:
    """Let a signal stop the server and do nothing else.

    uvicorn handles signals itself while it runs, but raises them again at its end, for the handlers that it found.
    """

    def stop(_: int, __: FrameType | None) -> None:
        server.should_exit = True

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
