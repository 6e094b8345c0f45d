"""What the provider's replies say: PROVIDER.md's table of codes, as outcomes."""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from typing import Any

from voice_notify.domain.masking import mask_text
from voice_notify.domain.outcome import Kind, Outcome
from voice_notify.domain.printable import printable

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

#: How a reply is read, so that a `msg` in another encoding, or a damaged one, does not hide the code beside it.
#: GB18030, which includes GBK, comes before UTF-8 with replacements: the second byte of its 誠 is a backslash, which
#: would escape what follows.
_READINGS = (("utf-8", "strict"), ("gb18030", "strict"), ("utf-8", "replace"), ("gb18030", "replace"))
_BYTE_ORDER_MARK = "\ufeff"

#: How many characters of a piece of a reply are kept, at most.
_KEPT_CHARS = 200

#: Digits in a string, also as a language without integers writes them: "200.0".
_DIGITS = re.compile(r"\s*([0-9]+)(?:\.0+)?\s*")

#: A float tells the integers below from each other.
_EXACT_BELOW = 2**53


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
    if code in _KINDS:
        return Outcome(_KINDS[code], code, _message(reply))
    return Outcome(Kind.UNCLEAR, mask_text(code)[:_KEPT_CHARS], _message(reply))


def _parse(body: bytes) -> dict[str, Any]:
    """The reply's JSON object, or an empty one; in the first reading of `_READINGS` that is JSON at all."""
    for encoding, errors in _READINGS:
        try:
            reply = json.loads(body.decode(encoding, errors).removeprefix(_BYTE_ORDER_MARK))
        except (ValueError, RecursionError):
            continue
        return reply if isinstance(reply, dict) else {}
    return {}


def _code(value: object) -> str:
    """The reply's `code` as digits, or "" where it is no integer; 200.0 is one: JSON has one kind of numbers."""
    if isinstance(value, str):
        digits = _DIGITS.fullmatch(value)
        return digits[1] if digits else ""
    number = _number(value)
    return str(number) if isinstance(number, int) else ""


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
    return mask_text(printable(message).strip())[:_KEPT_CHARS] if isinstance(message, str) else ""


def _identifier(value: object) -> str:
    """A `callId` or `taskNo`: documented as a string, taken as a number too."""
    if isinstance(value, str):
        return printable(value).strip()[:_KEPT_CHARS]
    number = _number(value)
    return "" if number is None else str(number)[:_KEPT_CHARS]


def _number(value: object) -> int | float | None:
    """A JSON number, as an integer where it is one."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT_BELOW else value
