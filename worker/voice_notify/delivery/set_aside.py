"""A message that cannot be processed is set aside: one line in the log without its content, its raw form in Redis."""

from __future__ import annotations

import base64
import json
import traceback
from datetime import UTC, datetime
from typing import Any

from voice_notify.domain.notification import new_id
from voice_notify.errors import NotAllowed, StoreUnavailable
from voice_notify.ledger.broker_messages import BrokerMessages
from voice_notify.monitoring.logs import get_logger

log = get_logger(__name__)

#: The most that is kept of one: what made a process run out of memory is not to do the same to Redis.
_KEPT_BYTES = 64 * 1024


class SetAside:
    """Where a worker leaves what it cannot process, for a person to look at."""

    def __init__(self, messages: BrokerMessages, *, worker: str) -> None:
        self._messages = messages
        self._worker = worker

    def add(self, raw: bytes, error: BaseException, **shown: str) -> None:
        """Keep a message as it came, and log why, with what of it may be `shown`."""
        reference, why = new_id(), describe(error)
        kept = json.dumps(
            {
                "reference": reference,
                "at": datetime.now(UTC).isoformat(timespec="seconds"),
                "worker": self._worker,
                **why,
                "bytes": len(raw),
                **_as_text(raw[:_KEPT_BYTES]),
            },
            ensure_ascii=False,
        )
        try:
            self._messages.set_aside(kept)
        except (StoreUnavailable, NotAllowed) as outage:
            log.error("message thrown away", **why, **shown, bytes=len(raw), not_kept=str(outage))  # noqa: TRY400
        else:
            log.error("message set aside", reference=reference, **why, **shown, bytes=len(raw))


def describe(error: BaseException) -> dict[str, str]:
    """Say what went wrong and where in the code; the text of an error may quote the message."""
    frames = [(frame.f_globals.get("__name__", "?"), line) for frame, line in traceback.walk_tb(error.__traceback__)]
    module, line = frames[-1] if frames else ("-", 0)
    return {"error": type(error).__name__, "where": f"{module}:{line}"}


def raw_form(message: Any) -> bytes:  # noqa: ANN401 - kombu's message
    """A message as it stands in Redis; one of RabbitMQ in the same form."""
    payload = getattr(message, "_raw", None)
    if payload is None:
        body = message.body.encode() if isinstance(message.body, str) else bytes(message.body or b"")
        payload = {
            "body": base64.b64encode(body).decode("ascii"),
            "headers": message.headers,
            "properties": message.properties,
            "content-type": message.content_type,
            "content-encoding": message.content_encoding,
        }
    try:
        return json.dumps(payload, ensure_ascii=False, default=str).encode("utf-8", "surrogatepass")
    except RecursionError:  # it could just be read
        return b"nested too deeply to be written"


def _as_text(raw: bytes) -> dict[str, str]:
    try:
        return {"message": raw.decode("utf-8")}
    except UnicodeDecodeError:
        return {"message_base64": base64.b64encode(raw).decode("ascii")}
