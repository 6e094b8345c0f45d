"""The provider's client: what it asks for, the outcome of whatever comes back, and what is repeated."""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tenacity import wait_fixed, wait_none

from tests.support.bare_provider import (
    ACCEPTED,
    APP_ID,
    CALL,
    MOBILE,
    NOW_MS,
    PATH,
    REPLY,
    SECRET,
    Answer,
    client_for,
    http,
    outcome_of,
    place,
    say,
    say_and_close,
    say_nothing,
    serving,
    succeed,
)
from voice_notify import __version__
from voice_notify.domain.outcome import Kind, Outcome
from voice_notify.provider import client as client_module
from voice_notify.provider.client import Call
from voice_notify.provider.signing import sign
from voice_notify.provider.transport import REPLY_LIMIT_BYTES

SIGN = sign(APP_ID, SECRET, NOW_MS)


@pytest.fixture(autouse=True)
def _no_wait_between_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "_CONNECT_WAIT", wait_none())


def test_a_request_is_the_documented_form() -> None:
    """A request is the documented form, signed, with the variables joined by commas, and asks for plain JSON."""
    with serving() as server, client_for(server.port) as client:
        place(client)
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    line, *headers = head.decode().split("\r\n")
    assert line == f"POST {PATH} HTTP/1.1"
    assert set(headers) == {
        f"Host: 127.0.0.1:{server.port}",
        f"User-Agent: voice-notify/{__version__}",
        "Accept: application/json",
        "Accept-Encoding: identity",
        "Content-Type: application/x-www-form-urlencoded",
        f"Content-Length: {len(body)}",
    }
    assert server.forms() == [
        {
            "appId": [APP_ID],
            "timestamp": [str(NOW_MS)],
            "sign": ["6ddcdc405743c576cb6d34b17b47ed56e2b9b6670fae1fe85ed01244fd31558b"],
            "mobile": [MOBILE],
            "templateId": ["453662"],
            "param": ["张三,3号楼"],
        }
    ]


def test_without_variables_there_is_no_param() -> None:
    """Without variables there is no `param`."""
    with serving() as server, client_for(server.port) as client:
        place(client, Call(MOBILE, "453662", []))
    assert set(server.forms()[0]) == {"appId", "timestamp", "sign", "mobile", "templateId"}


def test_a_changed_secret_signs_the_next_call() -> None:
    """The secret is asked for each call, so the next call is signed with a changed one."""
    secrets = iter(["old", "new"])
    with serving() as server, client_for(server.port, app_secret=lambda: next(secrets)) as client:
        place(client)
        place(client)
    assert [form["sign"] for form in server.forms()] == [[sign(APP_ID, "old", NOW_MS)], [sign(APP_ID, "new", NOW_MS)]]


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (400, Kind.REFUSED),
        (404, Kind.ACCOUNT),
        (500, Kind.TRANSIENT),
        (501, Kind.TRANSIENT),
        (601, Kind.ACCOUNT),
        (602, Kind.ACCOUNT),
        (603, Kind.ACCOUNT),
        (604, Kind.ACCOUNT),
        (606, Kind.TOMORROW),
        (609, Kind.TRANSIENT),
        (999, Kind.UNCLEAR),
        (605, Kind.UNCLEAR),
    ],
)
def test_each_documented_code_is_its_outcome(code: int, kind: Kind) -> None:
    """Each documented code arrives as its outcome, with its `msg`."""
    reply = json.dumps({"msg": "原因", "code": code}).encode()
    assert outcome_of(say(http(200, reply))) == Outcome(kind, str(code), "原因")


@pytest.mark.parametrize(
    "answer",
    [
        succeed,
        say_and_close(http(200, REPLY)),
        say_and_close(b"HTTP/1.0 200 OK\r\n\r\n" + REPLY),
        say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(REPLY), REPLY)),
        say(b"HTTP/1.1 100 Continue\r\n\r\n" + http(200, REPLY)),
        say(http(200, REPLY, "Content-Type: application/json; charset", "Set-Cookie: ;;=", "X:")),
        say(http(200, REPLY) + b"and more that nobody asked for"),
        say(http(200, REPLY) + http(503, b"{}")),
    ],
)
def test_a_success_is_accepted_in_every_form_of_http(answer: Answer) -> None:
    """A success is accepted in every form that HTTP allows, whatever comes after it."""
    assert outcome_of(answer) == ACCEPTED


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (say_and_close(b""), Kind.UNCONFIRMED, "cut"),
        (say_and_close(b"HTTP/1.1 20"), Kind.UNCONFIRMED, "cut"),
        (say_and_close(b"HTTP/1.1 200 OK\r\nContent-Le"), Kind.UNCONFIRMED, "cut"),
        (say_and_close(b"HTTP/1.1 100 Continue\r\n\r\n"), Kind.UNCONFIRMED, "cut"),
        (say(http(200, REPLY, "no colon")), Kind.UNCONFIRMED, "cut"),
        (say_and_close(http(200, REPLY)[:-5]), Kind.UNCONFIRMED, "cut"),
        (say_and_close(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n99\r\n{"), Kind.UNCONFIRMED, "cut"),
        (say_and_close(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), Kind.UNCONFIRMED, "cut"),
        (say_and_close(b"mobile=" + MOBILE.encode() + b"\r\n\r\n"), Kind.UNCONFIRMED, "cut"),
        (say_and_close(b"HTTP/1.0 200 OK\r\n\r\n" + REPLY[:-5]), Kind.UNCONFIRMED, "garbage"),
        (say(http(200, b"<html>")), Kind.UNCONFIRMED, "garbage"),
        (say(http(204, b"")), Kind.UNCONFIRMED, "http-204"),
        (say(http(200, b" " * REPLY_LIMIT_BYTES + REPLY)), Kind.UNCONFIRMED, "reply-too-large"),
        (say(http(500, b"")), Kind.UNCONFIRMED, "http-500"),
        (say(http(502, b"<html>")), Kind.UNCONFIRMED, "http-502"),
        (say(http(503, b"busy", "Retry-After: 1")), Kind.TRANSIENT, "http-503"),
        (say(http(503, b"busy") + http(200, b"")), Kind.TRANSIENT, "http-503"),
        (say(http(429, b"")), Kind.TRANSIENT, "http-429"),
        (say(http(404, b"<html>")), Kind.ACCOUNT, "404"),
        (say(http(403, b"<html>")), Kind.UNCLEAR, "http-403"),
    ],
)
def test_a_reply_that_fails_has_its_outcome(answer: Answer, kind: Kind, code: str) -> None:
    """A reply that is cut, garbled, too large or not from the interface has its outcome, and repeats no number."""
    outcome = outcome_of(answer)
    assert (outcome.kind, outcome.code) == (kind, code)
    assert MOBILE not in outcome.message


def test_a_write_that_fails_is_unconfirmed() -> None:
    """A connection that ends while the request is written makes the call unconfirmed."""
    with socket.create_server(("127.0.0.1", 0)) as listener, client_for(listener.getsockname()[1]) as client:

        def hang_up() -> None:
            listener.accept()[0].close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        outcome = place(client)
        thread.join()
    assert (outcome.kind, outcome.code) == (Kind.UNCONFIRMED, "cut")


def test_a_refused_connection_sent_nothing() -> None:
    """A refused connection is reported with its reason: nothing was sent."""
    with serving(listen=False) as server, client_for(server.port) as client:
        outcome = place(client)
    assert (outcome.kind, outcome.code) == (Kind.TRANSIENT, "connect")
    assert "refused" in outcome.message


def test_a_failure_to_connect_is_retried_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connect failure is retried in place, so a server that comes back at once costs nothing."""
    with serving(listen=False) as server, client_for(server.port) as client:
        monkeypatch.setattr(time, "sleep", lambda _: server.listen())
        assert place(client) == ACCEPTED
    assert len(server.requests) == 1


def test_no_attempt_that_would_be_too_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connect failure is retried twice, but not when the wait would last past `send_by`."""
    waits: list[float] = []
    monkeypatch.setattr(client_module, "_CONNECT_WAIT", wait_fixed(60))
    monkeypatch.setattr(time, "sleep", waits.append)
    with serving(listen=False) as server, client_for(server.port) as client:
        assert place(client, seconds=59).code == "connect"
        assert waits == []
        assert place(client, seconds=179).code == "connect"
        assert waits == [60, 60]


def test_a_name_that_does_not_resolve_sent_nothing() -> None:
    """A name that does not resolve is a failure to connect."""
    with serving() as server, client_for(server.port, "http://nosuch.invalid") as client:
        outcome = place(client)
    assert (outcome.kind, outcome.code) == (Kind.TRANSIENT, "dns")


def test_a_call_that_is_too_late_opens_no_connection() -> None:
    """After `send_by` not even a connection is opened."""
    with serving() as server, client_for(server.port) as client:
        outcome = place(client, seconds=0)
    assert outcome == Outcome(Kind.TRANSIENT, "too-late", "not sent: the time for it had passed")
    assert server.connections == 0


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    """A redirect is an unclear reply; its target is not asked."""
    with serving() as elsewhere:
        location = f"Location: http://127.0.0.1:{elsewhere.port}/"
        outcome = outcome_of(say(http(status, b"", location)))
    assert (outcome.kind, outcome.code) == (Kind.UNCLEAR, f"http-{status}")
    assert elsewhere.connections == 0


@pytest.mark.parametrize("address", ["http://[", "//[::1", "\u4f8b\u5b50", "", "http://a:b/"])
def test_the_address_of_a_redirect_plays_no_part(address: str) -> None:
    """A success is accepted although it claims to stand elsewhere, at an address that cannot be."""
    assert outcome_of(say(http(302, REPLY, f"Location: {address}"))) == ACCEPTED


def test_the_environment_plays_no_part(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither a proxy nor a `.netrc` of the environment touches a request."""
    netrc = tmp_path / "netrc"
    netrc.write_text("default login someone password something\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    with serving() as server, client_for(server.port) as client:
        assert place(client) == ACCEPTED
    assert b"authorization" not in server.requests[0].lower()


def test_cookies_are_not_kept() -> None:
    """A cookie of one reply is not sent with the next call."""
    with serving(say(http(200, REPLY, "Set-Cookie: a=b"))) as server, client_for(server.port) as client:
        place(client)
        place(client)
    assert b"cookie" not in server.requests[1].lower()


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.binary()
    | st.binary().map(b"HTTP/1.1 200 OK\r\n".__add__)
    | st.builds(b"HTTP/1.1 %d OK\r\n%b\r\n\r\n%b".__mod__, st.tuples(st.integers(0, 999), st.binary(), st.binary()))
)
def test_no_reply_raises(reply: bytes) -> None:
    """Whatever bytes come back, the call has an outcome, and it is not accepted."""
    assert outcome_of(say_and_close(reply)).kind is not Kind.ACCEPTED


def test_no_secret_and_no_number_is_shown(caplog: pytest.LogCaptureFixture) -> None:
    """No log line at any level, no message and no representation shows the secret, a signature or a number."""
    caplog.set_level(logging.DEBUG)
    outcomes = [
        outcome_of(succeed),
        outcome_of(say_nothing, read_timeout=0.05),
        outcome_of(say_and_close(f"{SIGN} {MOBILE}\r\n\r\n".encode())),
        outcome_of(say(http(200, json.dumps({"code": 999, "msg": f"{MOBILE} 空号"}).encode()))),
    ]
    with serving(listen=False) as server, client_for(server.port) as client:
        outcomes.append(place(client))
        shown = f"{caplog.text} {outcomes} {CALL} {client!r}"
    assert "138****8000" in shown
    for secret in (SECRET, SIGN, MOBILE, "张三"):
        assert secret not in shown
