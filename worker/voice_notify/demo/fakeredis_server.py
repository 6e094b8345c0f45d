"""`python -m voice_notify.demo.fakeredis_server PORT`: fakeredis's TCP server on a port of the loopback."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from fakeredis import TcpFakeServer


def serve(port: int) -> None:
    """Serve until the process is ended."""
    server = TcpFakeServer(("127.0.0.1", port))
    handler: Any = server.RequestHandlerClass

    class Handler(handler):  # type: ignore[misc] # known at run time only
        """Continues after an error reply, as a server does. fakeredis hangs up, and a pipeline loses its replies."""

        def setup(self) -> None:
            super().setup()
            self.current_client.read_response = _returning_errors(self.current_client.read_response)

    server.RequestHandlerClass = Handler
    server.serve_forever()


def _returning_errors(read: Callable[[], object]) -> Callable[[], object]:
    def read_or_error() -> object:
        try:
            return read()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the reply
            return error

    return read_or_error


if __name__ == "__main__":
    serve(int(sys.argv[1]))
