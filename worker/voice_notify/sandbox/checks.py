"""What makes a request well formed (PROVIDER.md, Request). Pure: the time is an argument."""

from __future__ import annotations

import hashlib
import hmac
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voice_notify.sandbox.config import SandboxConfig
    from voice_notify.sandbox.templates import Template

_MAX_CHARACTERS = 500
_CHARACTERS_PER_UNIT = 85

_REQUIRED = ("appId", "timestamp", "sign", "mobile", "templateId")
_FIELDS = {*_REQUIRED, "param"}
_FORM = "application/x-www-form-urlencoded"
_MOBILE = re.compile(r"1[3-9][0-9]{9}")
_MILLISECONDS = re.compile(r"[0-9]{1,16}")


class RawRequest(NamedTuple):
    """An HTTP request for a call, as it came off the wire."""

    method: str
    content_type: str
    query: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class ParsedRequest:
    """What a request says. `mistake` is the provider's `msg`, empty if it is well formed; `units` is what it costs."""

    mobile: str
    template_id: str
    param: str
    mistake: str
    units: int


class _BadRequest(Exception):
    """The request breaks a rule; the exception's text is the provider's `msg`."""


def parse_request(raw: RawRequest, config: SandboxConfig, now: float) -> ParsedRequest:
    """Return what `raw` says, checked against every rule that needs no memory of other requests.

    `now` is in epoch seconds.
    """
    fields: dict[str, str] = {}
    mistake, units = "", 0
    try:
        fields = _parse_form(raw)
        _check_fields(fields, config, now)
        units = _price(_render_text(fields, config))
    except _BadRequest as bad:
        mistake = str(bad)
    mobile, template_id, param = (fields.get(name, "") for name in ("mobile", "templateId", "param"))
    return ParsedRequest(mobile, template_id, param, mistake, units)


def _parse_form(raw: RawRequest) -> dict[str, str]:
    """Return the fields of a GET's query or a POST's body.

    Raises `_BadRequest` unless it is a form in UTF-8 that has no field twice.
    """
    if raw.method not in ("GET", "POST"):
        raise _BadRequest("请求方式不正确，仅支持GET和POST")
    if raw.method == "POST" and raw.content_type.partition(";")[0].strip().lower() != _FORM:
        raise _BadRequest(f"请求格式不正确，应为{_FORM}")
    encoded = raw.query if raw.method == "GET" else raw.body
    try:
        pairs = parse_qsl(encoded.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict")
    except ValueError as error:
        raise _BadRequest("参数编码不正确") from error
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise _BadRequest("参数重复")
    return fields


def _check_fields(fields: Mapping[str, str], config: SandboxConfig, now: float) -> None:
    _check_presence(fields)
    _check_account(fields, config, now)
    if not _MOBILE.fullmatch(fields["mobile"]):
        raise _BadRequest("手机号格式不正确")
    _check_template(fields, config)


def _render_text(fields: Mapping[str, str], config: SandboxConfig) -> str:
    """Return the text that the callee hears; where no templates are given, the variables as they were sent."""
    if config.templates is None:
        return fields.get("param", "")
    template = config.templates[fields["templateId"]]
    return template.render(_variables(fields, template))


def _price(text: str) -> int:
    if len(text) > _MAX_CHARACTERS:
        raise _BadRequest(f"语音通知内容不能超过{_MAX_CHARACTERS}个字符")
    return max(1, math.ceil(len(text) / _CHARACTERS_PER_UNIT))


def _check_presence(fields: Mapping[str, str]) -> None:
    for name in _REQUIRED:
        if not fields.get(name):
            raise _BadRequest(f"参数{name}不能为空")
    # Stricter than the provider, whose page does not say: a client that sends more than the documented fields, such
    # as its secret, is mistaken.
    if unknown := sorted(fields.keys() - _FIELDS):
        raise _BadRequest(f"未知参数{unknown[0]}")


def _check_account(fields: Mapping[str, str], config: SandboxConfig, now: float) -> None:
    timestamp = fields["timestamp"]
    if fields["appId"] != config.app_id:
        raise _BadRequest("appId不正确")
    if not _MILLISECONDS.fullmatch(timestamp):
        raise _BadRequest("timestamp格式不正确")
    if abs(int(timestamp) / 1000 - now) > config.timestamp_tolerance:
        raise _BadRequest("timestamp已过期")
    valid = (config.app_secret, config.old_secret)
    if not any(_signed_with(secret, fields, config) for secret in valid if secret is not None):
        raise _BadRequest("签名错误")


def _signed_with(secret: str, fields: Mapping[str, str], config: SandboxConfig) -> bool:
    signed = hashlib.sha256(f"{config.app_id}{secret}{fields['timestamp']}".encode()).hexdigest()
    return hmac.compare_digest(fields["sign"].encode(), signed.encode())


def _check_template(fields: Mapping[str, str], config: SandboxConfig) -> None:
    if config.templates is None:
        return
    template = config.templates.get(fields["templateId"])
    if template is None:
        raise _BadRequest("模板不存在")
    if len(_variables(fields, template)) != template.variables:
        raise _BadRequest(f"模板变量个数不正确，应为{template.variables}个")


def _variables(fields: Mapping[str, str], template: Template) -> list[str]:
    param = fields.get("param")
    # An empty `param` is one empty variable or none, depending on the template.
    if param is None or (param == "" and template.variables == 0):
        return []
    return param.split(",")
