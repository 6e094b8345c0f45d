"""What the provider's replies say about the call."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from voice_notify.domain.outcome import Kind, Outcome
from voice_notify.provider.replies import read_reply

SUCCESS = {"code": 200, "msg": "成功", "taskNo": "69564903663951243279", "data": {"callId": "12121212121212"}}
ACCEPTED = Outcome(Kind.ACCEPTED, "200", "成功", "12121212121212", "69564903663951243279")


def body(**fields: object) -> bytes:
    return json.dumps(fields).encode()


@pytest.mark.parametrize("status", [200, 201, 302, 404, 429, 500, 502, 503])
def test_the_documented_success_is_accepted_under_any_status(status: int) -> None:
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
def test_each_code_has_its_kind_under_any_status(status: int, code: str, kind: Kind) -> None:
    """Each code has its class, under any HTTP status, and keeps its `msg`."""
    raw = f'{{"msg": "原因", "code": {code}}}' if code != "0200" else '{"msg": "原因", "code": "0200"}'
    assert read_reply(status, raw.encode()) == Outcome(kind, code, "原因")


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("200.0", "200"),
        ("2e2", "200"),
        ("603.00", "603"),
        ("-1.0", "-1"),
        ('"200"', "200"),
        ('"603"', "603"),
        ('"77"', "77"),
        ('"200.0"', "200"),
        ('" 200\\n"', "200"),
    ],
)
def test_a_code_may_be_any_number_that_is_an_integer_or_digits_in_a_string(raw: str, code: str) -> None:
    """A code is read in every form in which only one code can be meant."""
    reply = json.dumps(SUCCESS).replace("200", raw, 1).encode()
    outcome = read_reply(200, reply)
    assert outcome.code == code
    assert (outcome == ACCEPTED) == (code == "200")


@pytest.mark.parametrize(
    ("given_id", "kept"),
    [("a-1", "a-1"), (17, "17"), (12121212121212.0, "12121212121212"), (0, "0"), (1.5, "1.5"), (" x\n", "x")],
)
def test_a_call_id_may_be_a_string_or_a_number(given_id: object, kept: str) -> None:
    """A `callId` may be a string or a number, and so may the `taskNo`."""
    outcome = read_reply(200, body(code=200, taskNo=given_id, data={"callId": given_id}))
    assert outcome == Outcome(Kind.ACCEPTED, "200", "", kept, kept)


@pytest.mark.parametrize(
    "data", [None, {}, [], "12", {"callId": ""}, {"callId": " "}, {"callId": None}, {"callId": True}, {"callId": ["1"]}]
)
def test_success_without_a_call_id_is_unconfirmed(data: object) -> None:
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
        b'{"code": 200.5}',
        b'{"code": 1e300}',
        b'{"code": NaN}',
        b'{"code": Infinity}',
        b'{"code": [200]}',
        b'{"code": "200.5"}',
        b'{"code": "200,0"}',
        b'{"code": "2e2"}',
        b'{"code": "200 OK"}',
        b'{"code": "OK"}',
        b'{"code": ""}',
        '{"code": "２００"}'.encode(),
        b'{"code": 200, "data": {"callId": "12',  # cut short
        b'{"code": ' + b"9" * 5000 + b"}",
        b"[" * 60_000,
        b"\xff\xfe\x00",
    ],
)
def test_without_the_documented_json_the_status_decides(status: int, kind: Kind, code: str, raw: bytes) -> None:
    """Without the documented JSON the HTTP status decides."""
    outcome = read_reply(status, raw)
    assert (outcome.kind, outcome.code) == (kind, code)
    assert str(status) in outcome.message


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030"])
@pytest.mark.parametrize("message", ["余额不足请充值", "誠", '\\誠"', "許功蓋", "联通", "涓璡"])
def test_a_message_in_another_encoding_does_not_hide_the_code(encoding: str, message: str) -> None:
    """A success is read whatever the encoding of its `msg`: in GBK, the second byte of 誠 is that of a backslash."""
    raw = json.dumps(SUCCESS | {"msg": message}, ensure_ascii=False).encode(encoding)
    outcome = read_reply(200, raw)
    assert (outcome.kind, outcome.call_id) == (Kind.ACCEPTED, ACCEPTED.call_id)
    if message != "联通":  # its bytes in GBK are UTF-8 too, but not those of 涓璡 and a quote, where that is JSON
        assert outcome.message == message


@pytest.mark.parametrize(
    "message",
    [
        "成功".encode()[:-1],
        "成功".encode()[:-2],
        "成功".encode("gbk")[:-1],
        "誠".encode("gbk") + "成功".encode("gbk")[:-1],
        "\\n成功".encode() + b"\xff",
        b"\xff\xfe\x80",
        '中\\"'.encode() + b"\xff",
    ],
)
def test_a_damaged_message_does_not_hide_the_code(message: bytes) -> None:
    """A `msg` that was cut inside a character costs nothing but its characters."""
    outcome = read_reply(200, b'{"msg": "%b", "code": 200, "data": {"callId": "1"}}' % message)
    assert (outcome.kind, outcome.call_id) == (Kind.ACCEPTED, "1")


@settings(deadline=None)
@given(message=st.text(st.characters(exclude_categories=["Cs"])), encoding=st.sampled_from(["utf-8", "gb18030"]))
def test_no_message_hides_the_code(message: str, encoding: str) -> None:
    """Beside any text in either encoding the code is read."""
    raw = json.dumps({"msg": message} | {"code": 200, "data": {"callId": "1"}}, ensure_ascii=False).encode(encoding)
    assert read_reply(200, raw).kind is Kind.ACCEPTED


@settings(deadline=None)
@given(message=st.binary().map(lambda message: message.translate(None, b'"\\' + bytes(range(0x20)))))
def test_no_bytes_of_a_message_hide_the_code(message: bytes) -> None:
    """Beside any bytes that leave JSON what it is the code is read."""
    assert read_reply(200, b'{"msg": "%b", "code": 200, "data": {"callId": "1"}}' % message).kind is Kind.ACCEPTED


def test_a_message_is_one_short_line_without_a_number() -> None:
    """A `msg` is cut to 200 characters, on one line, with numbers masked, also one that the cut would halve."""
    message = "第一行\n\t\x1b[31m\u2028\ud800手机号 13800138000 " + "长" * 170 + "13900139000"
    kept = read_reply(200, body(code=999, msg=message)).message
    assert len(kept) == 200
    assert kept.isprintable()
    assert kept.startswith("第一行   [31m  手机号 138****8000 长")
    assert "139001" not in kept


@pytest.mark.parametrize(("code", "kept"), [("13800138000", "138****8000"), ("9" * 4000, "9" * 200)])
def test_a_code_is_short_and_no_number_of_a_phone(code: str, kept: str) -> None:
    """A code, which may be anything, is cut and masked as a `msg` is."""
    assert read_reply(200, body(code=code)).code == kept
    assert read_reply(200, body(code=int(code))).code == kept


@pytest.mark.parametrize("message", [None, 5, ["x"], {"a": 1}])
def test_a_message_that_is_no_text_is_left_out(message: object) -> None:
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
        "code": st.sampled_from([200, "200", 200.0, "200.0", 400, 606, 999, 13800138000, "13800138000.0"])
        | json_values,
        "msg": json_values,
        "taskNo": json_values,
        "data": st.fixed_dictionaries({"callId": json_values}) | json_values,
    },
)


raw_replies = st.builds(
    lambda reply, encoding, escape: json.dumps(reply, ensure_ascii=escape).encode(encoding, "replace"),
    replies,
    st.sampled_from(["utf-8", "utf-8-sig", "gb18030", "utf-16"]),
    st.booleans(),
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(status=st.integers(100, 999), raw=st.binary() | raw_replies, cut=st.integers(0, 20))
def test_no_bytes_raise(status: int, raw: bytes, cut: int) -> None:
    """Any status with any bytes gives an outcome that can be stored and shown, accepted only with a call's id."""
    outcome = read_reply(status, raw[: len(raw) - cut] if cut else raw)
    assert outcome.code
    for text in (outcome.code, outcome.message, outcome.call_id, outcome.task_no):
        assert text.isprintable()
        assert len(text.encode()) <= 4 * 200
    assert (outcome.kind is Kind.ACCEPTED) == bool(outcome.call_id)
    assert "13800138000" not in outcome.code + outcome.message
