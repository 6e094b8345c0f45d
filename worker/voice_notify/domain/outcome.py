"""What one attempt to place a call came to: PROVIDER.md's table of replies, as values."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Any

from voice_notify.domain.masking import mask_text


class Kind(StrEnum):
    """The classes of outcome; each has one row in the retry policy (`core/policy.py`)."""

    ACCEPTED = "accepted"  #: the provider placed the call
    TRANSIENT = "transient"  #: not placed; the same request may succeed soon
    TOMORROW = "tomorrow"  #: not placed; over the provider's limit until its next day
    REFUSED = "refused"  #: not placed; this request will never succeed
    UNCLEAR = "unclear"  #: the provider answered with a code whose meaning is not documented
    ACCOUNT = "account"  #: not placed; every request of this account fails
    UNCONFIRMED = "unconfirmed"  #: unknown: the phone may have woken


#: The codes of attempts that ended before a byte was written.
NOT_CONNECTED = frozenset({"connect", "connect-timeout", "tls", "dns"})
TOO_LATE = "too-late"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One attempt's outcome.

    `code` is the provider's code ("603"), the HTTP status where there was no documented reply ("http-502") or the
    failure of the wire ("connect", "read-timeout", "cut", "reply-too-large", "lease").
    `message` is the provider's `msg` or a short reason; it never holds the secret or a full number.
    """

    kind: Kind
    code: str
    message: str = ""
    call_id: str = ""
    task_no: str = ""

    @property
    def was_sent(self) -> bool:
        """Whether a request, or a part of one, was written."""
        return self.code not in NOT_CONNECTED and self.code != TOO_LATE


_KINDS = {
    "400": Kind.REFUSED,
    "404": Kind.ACCOUNT,
    "500": Kind.TRANSIENT,
    "501": Kind.TRANSIENT,
    "601": Kind.ACCOUNT,
    "602": Kind.ACCOUNT,
    "603": Kind.ACCOUNT,
    "604": Kind.ACCOUNT,
    "606": Kind.TOMORROW,
    "609": Kind.TRANSIENT,
}

#: The longest piece of a reply that is kept, in characters.
_LONGEST = 200


def read_reply(status: int, body: bytes) -> Outcome:
    """What a reply says about the call. Pure and total: no status and no bytes make it raise.

    The documented JSON counts whatever the HTTP `status` is; without it, the status decides (PROVIDER.md, Reply;
    DESIGN.md, Outcomes of an attempt).
    """
    reply = _parse(body)
    code = _code(reply.get("code"))
    if not code:
        return _without_json(status)
    if code == "200":
        return _placed(reply)
    return Outcome(_KINDS.get(code, Kind.UNCLEAR), code, _message(reply))


def _parse(body: bytes) -> dict[str, Any]:
    try:
        # Replacing what is not UTF-8 lets a `msg` in another encoding (GBK) not hide the code.
        reply = json.loads(body.decode("utf-8-sig", errors="replace"))
    except (ValueError, RecursionError):
        return {}
    return reply if isinstance(reply, dict) else {}


def _code(value: object) -> str:
    """The reply's `code` as digits, or "" where it is neither an integer nor digits in a string."""
    is_integer = isinstance(value, int) and not isinstance(value, bool)
    is_digits = isinstance(value, str) and value.isascii() and value.isdigit()
    return mask_text(str(value))[:_LONGEST] if is_integer or is_digits else ""


def _placed(reply: dict[str, Any]) -> Outcome:
    data = reply.get("data")
    call_id = _identifier(data.get("callId")) if isinstance(data, dict) else ""
    task_no = _identifier(reply.get("taskNo"))
    if not call_id:
        return Outcome(Kind.UNCONFIRMED, "200", "success without a callId", task_no=task_no)
    return Outcome(Kind.ACCEPTED, "200", _message(reply), call_id, task_no)


def _without_json(status: int) -> Outcome:
    code, message = f"http-{status}", f"HTTP {status} without the documented JSON"
    if status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
        return Outcome(Kind.TRANSIENT, code, message)
    if status == HTTPStatus.NOT_FOUND:
        return Outcome(Kind.ACCOUNT, "404", message)
    if status == HTTPStatus.OK:
        return Outcome(Kind.UNCONFIRMED, "garbage", message)
    # A server that failed, or that reports success in words that are not documented, may have placed the call.
    may_have_rung = status // 100 == 2 or status >= HTTPStatus.INTERNAL_SERVER_ERROR  # noqa: PLR2004 — 2xx
    return Outcome(Kind.UNCONFIRMED if may_have_rung else Kind.UNCLEAR, code, message)


def _message(reply: dict[str, Any]) -> str:
    """The reply's `msg` on one line, without a full number."""
    message = reply.get("msg")
    return mask_text(_printable(message))[:_LONGEST] if isinstance(message, str) else ""


def _identifier(value: object) -> str:
    """A `callId` or `taskNo`: documented as a string, taken as a number too."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return _printable(str(value))[:_LONGEST] if is_number or isinstance(value, str) else ""


def _printable(text: str) -> str:
    """`text` with spaces for tabs, newlines and all else that could break a line, a terminal or an encoder."""
    return "".join(character if character.isprintable() else " " for character in text).strip()
