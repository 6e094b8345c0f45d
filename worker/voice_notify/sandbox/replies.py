"""The provider's replies (PROVIDER.md, Reply), and what is sent in their place when something is broken."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from voice_notify.sandbox.faults import Fault

if TYPE_CHECKING:
    from voice_notify.sandbox.attempt import Attempt

_JSON = b"application/json;charset=UTF-8"


class Reply(NamedTuple):
    """An HTTP reply. The provider's own have status 200; the `code` in their JSON says what happened."""

    status: int
    content_type: bytes
    body: bytes


_BROKEN_REPLIES = {
    Fault.GARBAGE: Reply(200, _JSON, b'{"code": 200, "msg": "\xe6\x88'),
    Fault.HTTP_429: Reply(429, b"text/plain", b"too many requests"),
    Fault.HTTP_502: Reply(502, b"text/html", b"<html><body><h1>502 Bad Gateway</h1></body></html>"),
    Fault.HTTP_503: Reply(503, b"text/plain", b"service unavailable"),
}


def reply_to(attempt: Attempt) -> Reply:
    """Return the reply to `attempt`, whose fault must not be one that leaves the client without a reply."""
    if attempt.fault in _BROKEN_REPLIES:
        return _BROKEN_REPLIES[attempt.fault]
    if not attempt.placed:
        return _json({"msg": attempt.message, "code": attempt.code})
    data = {} if attempt.fault is Fault.NO_CALL_ID else {"callId": attempt.call_id}
    return _json({"code": attempt.code, "msg": attempt.message, "taskNo": attempt.task_no, "data": data})


def _json(document: dict[str, object]) -> Reply:
    return Reply(200, _JSON, json.dumps(document, ensure_ascii=False).encode())
