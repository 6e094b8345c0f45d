"""The provider's endpoint that places calls, a plain ASGI callable: it is used under load."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from voice_notify.sandbox.attempt import Arrival
from voice_notify.sandbox.checks import RawRequest
from voice_notify.sandbox.faults import SLOW_REPLY_S, Fault
from voice_notify.sandbox.judge import Judge
from voice_notify.sandbox.replies import reply_to

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from voice_notify.sandbox.attempt import Attempt
    from voice_notify.sandbox.config import SandboxConfig
    from voice_notify.sandbox.replies import Reply

_CUTS = {Fault.CUT, Fault.CUT_BEFORE}
_WITHOUT_REPLY = {Fault.HANG, *_CUTS}


class SendEndpoint:
    """Reads requests off the wire, lets the `judge` decide, and behaves accordingly.

    `most_open` is the largest number of requests that were open at once; `never_arrived` counts those whose client hung
    up before they arrived.
    """

    def __init__(self, config: SandboxConfig) -> None:
        self._config = config
        self._open = 0
        self.reset()

    def reset(self) -> None:
        """Forget everything and start again as configured."""
        self.judge = Judge(self._config)
        self.most_open = self._open
        self.never_arrived = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request, from the wire to the reply."""
        self._open += 1
        self.most_open = max(self.most_open, self._open)
        try:
            await self._exchange(scope, receive, send)
        finally:
            self._open -= 1

    async def _exchange(self, scope: Scope, receive: Receive, send: Send) -> None:
        raw = await _read(scope, receive)
        if raw is None or await _client_leaves(receive, within=self.judge.faults.network_delay()):
            self.never_arrived += 1
            return
        attempt = self.judge.arrive(raw, Arrival(time.monotonic(), time.time()))
        if attempt.fault in _CUTS:
            scope["state"]["transport"].abort()
        if not await _client_leaves(receive, within=self._reply_delay(attempt)):
            await _send(send, reply_to(attempt))

    def _reply_delay(self, attempt: Attempt) -> float | None:
        if attempt.fault in _WITHOUT_REPLY:
            return None
        if attempt.fault is Fault.SLOW:
            return SLOW_REPLY_S
        return self.judge.faults.latency()


async def _read(scope: Scope, receive: Receive) -> RawRequest | None:
    """Return the whole request, or None if the client hung up before its end."""
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        more = message.get("more_body", False)
    content_type = next((value for name, value in scope["headers"] if name == b"content-type"), b"")
    return RawRequest(scope["method"], content_type.decode("latin-1"), scope["query_string"], bytes(body))


async def _client_leaves(receive: Receive, *, within: float | None) -> bool:
    """Wait for `within` seconds (None: without end) or until the client hangs up. Returns whether it has hung up."""
    if within == 0:
        return False
    try:
        async with asyncio.timeout(within):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return False
    return True


async def _send(send: Send, reply: Reply) -> None:
    headers = [(b"content-type", reply.content_type), (b"content-length", b"%d" % len(reply.body))]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})
