"""What a reply says about the call."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from voice_notify.domain.masking import mask_mobile, mask_text
from voice_notify.domain.outcome import Kind, Outcome, read_reply

SUCCESS = {"code": 200, "msg": "成功", "taskNo": "69564903663951243279", "data": {"callId": "12121212121212"}}
ACCEPTED = Outcome(Kind.ACCEPTED, "200", "成功", "12121212121212", "69564903663951243279")


def body(**fields: object) -> bytes:
    return json.dumps(fields).encode()


@pytest.mark.parametrize("status", [200, 201, 302, 404, 429, 500, 502, 503])
def test_success_whatever_the_status(status: int) -> None:
    """The documented success is accepted with its ids, under any HTTP status."""
    assert read_reply(status, body(**SUCCESS)) == ACCEPTED


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("400", Kind.REFUSED),
        ("404", Kind.ACCOUNT),
        ("500", Kind.TRANSIENT),
        ("501", Kind.TRANSIENT),
        ("601", Kind.ACCOUNT),
        ("602", Kind.ACCOUNT),
        ("603", Kind.ACCOUNT),
        ("604", Kind.ACCOUNT),
        ("606", Kind.TOMORROW),
        ("609", Kind.TRANSIENT),
        ("999", Kind.UNCLEAR),
        ("605", Kind.UNCLEAR),  # not documented
        ("0", Kind.UNCLEAR),
        ("0200", Kind.UNCLEAR),  # not the documented 200
        ("-1", Kind.UNCLEAR),
    ],
)
@pytest.mark.parametrize("status", [200, 404, 502, 503])
def test_each_code(status: int, code: str, kind: Kind) -> None:
    """Each code has its class, under any HTTP status, and keeps its `msg`."""
    raw = f'{{"msg": "原因", "code": {code}}}' if code != "0200" else '{"msg": "原因", "code": "0200"}'
    assert read_reply(status, raw.encode()) == Outcome(kind, code, "原因")


@pytest.mark.parametrize(("code", "kind"), [("200", Kind.ACCEPTED), ("603", Kind.ACCOUNT), ("77", Kind.UNCLEAR)])
def test_a_code_in_a_string(code: str, kind: Kind) -> None:
    """Digits in a string are a code too."""
    outcome = read_reply(200, body(**SUCCESS | {"code": code}))
    assert (outcome.kind, outcome.code) == (kind, code)


@pytest.mark.parametrize(("given_id", "kept"), [("a-1", "a-1"), (17, "17"), (0, "0"), (1.5, "1.5"), (" x\n", "x")])
def test_the_forms_of_a_call_id(given_id: object, kept: str) -> None:
    """A `callId` may be a string or a number, and so may the `taskNo`."""
    outcome = read_reply(200, body(code=200, taskNo=given_id, data={"callId": given_id}))
    assert outcome == Outcome(Kind.ACCEPTED, "200", "", kept, kept)


@pytest.mark.parametrize(
    "data", [None, {}, [], "12", {"callId": ""}, {"callId": " "}, {"callId": None}, {"callId": True}, {"callId": ["1"]}]
)
def test_success_without_a_call_id(data: object) -> None:
    """Success without a `callId` is not the documented success: the phone may have rung. The `taskNo` is kept."""
    outcome = read_reply(200, body(**SUCCESS | {"data": data}))
    assert outcome == Outcome(Kind.UNCONFIRMED, "200", "success without a callId", task_no="69564903663951243279")


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (200, Kind.UNCONFIRMED, "garbage"),
        (204, Kind.UNCONFIRMED, "http-204"),
        (301, Kind.UNCLEAR, "http-301"),
        (400, Kind.UNCLEAR, "http-400"),
        (403, Kind.UNCLEAR, "http-403"),
        (404, Kind.ACCOUNT, "404"),
        (429, Kind.TRANSIENT, "http-429"),
        (500, Kind.UNCONFIRMED, "http-500"),
        (502, Kind.UNCONFIRMED, "http-502"),
        (503, Kind.TRANSIENT, "http-503"),
        (504, Kind.UNCONFIRMED, "http-504"),
    ],
)
@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"<html>",
        b"[]",
        b"null",
        b'"200"',
        b"200",
        b"{}",
        b'{"status": 200}',
        b'{"code": null}',
        b'{"code": true}',
        b'{"code": 200.0}',
        b'{"code": "OK"}',
        b'{"code": ""}',
        '{"code": "２００"}'.encode(),
        b'{"code": 200, "data": {"callId": "12',  # cut short
        b'{"code": ' + b"9" * 5000 + b"}",
        b"[" * 60_000,
        b"\xff\xfe\x00",
    ],
)
def test_without_the_documented_json(status: int, kind: Kind, code: str, raw: bytes) -> None:
    """Without the documented JSON the HTTP status decides."""
    outcome = read_reply(status, raw)
    assert (outcome.kind, outcome.code) == (kind, code)
    assert str(status) in outcome.message


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk"])
def test_the_encoding_of_the_message_does_not_hide_the_code(encoding: str) -> None:
    """A code is read although the `msg` is not in UTF-8."""
    assert read_reply(200, '{"msg": "余额不足请充值", "code": 603}'.encode(encoding)).code == "603"


def test_a_message_is_one_short_line_without_a_number() -> None:
    """A `msg` is cut to 200 characters, on one line, with numbers masked, also one that the cut would halve."""
    message = "第一行\n\t\x1b[31m\u2028\ud800手机号 13800138000 " + "长" * 170 + "13900139000"
    kept = read_reply(200, body(code=999, msg=message)).message
    assert len(kept) == 200
    assert kept.isprintable()
    assert kept.startswith("第一行   [31m  手机号 138****8000 长")
    assert "139001" not in kept


@pytest.mark.parametrize("message", [None, 5, ["x"], {"a": 1}])
def test_a_message_that_is_no_text(message: object) -> None:
    """A `msg` of another type is left out."""
    assert read_reply(200, body(code=400, msg=message)) == Outcome(Kind.REFUSED, "400")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("13800138000"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
replies = st.fixed_dictionaries(
    {},
    optional={
        "code": st.sampled_from([200, "200", 400, 606, 999, 13800138000]) | json_values,
        "msg": json_values,
        "taskNo": json_values,
        "data": st.fixed_dictionaries({"callId": json_values}) | json_values,
    },
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(status=st.integers(100, 999), raw=st.binary() | replies.map(lambda reply: json.dumps(reply).encode()))
def test_total(status: int, raw: bytes) -> None:
    """Any status with any bytes gives an outcome that can be stored and shown, accepted only with a call's id."""
    outcome = read_reply(status, raw)
    assert outcome.code
    for text in (outcome.code, outcome.message, outcome.call_id, outcome.task_no):
        assert text.isprintable()
        assert len(text.encode()) <= 4 * 200
    assert (outcome.kind is Kind.ACCEPTED) == bool(outcome.call_id)
    assert "13800138000" not in outcome.code + outcome.message


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("13800138000", "138****8000"),
        ("号码13800138000,19912345678无效", "号码138****8000,199****5678无效"),
        ("+8613800138000", "+86138****8000"),
        ("008613800138000", "0086138****8000"),
        ("013800138000", "0138****8000"),
        ("69564903663951243279", "69564903663951243279"),  # a task number
        ("1555378976238", "1555378976238"),  # a timestamp
        ("12800138000", "12800138000"),  # no mobile number begins so
        ("1380013800", "1380013800"),
    ],
)
def test_numbers_in_text_are_masked(text: str, masked: str) -> None:
    """A mobile number in a text loses its middle, with or without a prefix; other digits stay."""
    assert mask_text(text) == masked


@pytest.mark.parametrize(
    ("mobile", "masked"), [("13800138000", "138****8000"), ("1380013800", "****"), ("", "****"), ("x" * 11, "****")]
)
def test_a_number_is_masked(mobile: str, masked: str) -> None:
    """A number shows three and four digits; what is no number shows nothing."""
    assert mask_mobile(mobile) == masked
