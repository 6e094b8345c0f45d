"""The running sandbox over real HTTP: what a client meets on the wire, and what the tester sees."""

from __future__ import annotations

import http.client
import json
import time
from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

from tests.support.sandbox import PATH, RunningSandbox, eventually, run_sandbox, signed_form
from voice_notify.sandbox.faults import MAGIC_NUMBERS

if TYPE_CHECKING:
    from collections.abc import Iterator

MOBILE = "13800138000"
OTHER = "13900139000"
MOMENT_S = 0.3


@pytest.fixture(scope="module")
def running() -> Iterator[RunningSandbox]:
    with run_sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: RunningSandbox) -> RunningSandbox:
    """A sandbox as it is after its start."""
    assert running.ask("POST", "/reset") == (204, None)
    return running


def test_post_and_get_both_place_a_call(sandbox: RunningSandbox) -> None:
    """Both methods place a call, answered with the documented JSON."""
    reply = sandbox.call(MOBILE)
    with closing(sandbox.open("GET", f"{PATH}?{urlencode(signed_form(OTHER))}", None, "")) as connection:
        assert json.load(connection.getresponse())["code"] == 200
    assert reply == {"code": 200, "msg": "成功", "taskNo": reply["taskNo"], "data": {"callId": "00000000000001"}}
    assert len(reply["taskNo"]) == 20


def test_each_request_is_listed_with_its_time_and_answer(sandbox: RunningSandbox) -> None:
    """Each request that arrived is listed with its time and its answer, for all numbers or for one."""
    sandbox.call(MOBILE)
    before = time.time()
    sandbox.call(OTHER, sign="wrong")
    calls = sandbox.get("/calls")
    assert [call["sequence"] for call in calls] == [1, 2]
    assert sandbox.get(f"/calls?mobile={OTHER}") == calls[1:]
    assert sandbox.get("/calls?mobile=13700137000") == []
    assert before <= calls[1].pop("arrived") <= time.time()
    assert calls[1] == {
        "sequence": 2,
        "mobile": OTHER,
        "templateId": "453662",
        "param": "张三,3号楼",
        "code": 400,
        "msg": "签名错误",
        "fault": None,
        "placed": False,
        "callId": "",
        "units": 0,
    }


def test_a_long_list_is_whole(sandbox: RunningSandbox) -> None:
    """A list that is written in several chunks is one JSON array, in order."""
    with closing(http.client.HTTPConnection("127.0.0.1", sandbox.port)) as connection:
        for _ in range(1001):
            connection.request("GET", PATH)
            connection.getresponse().read()
    assert [call["sequence"] for call in sandbox.get("/calls")] == list(range(1, 1002))


def test_a_violation_is_answered_and_listed(sandbox: RunningSandbox) -> None:
    """A call that comes too early is answered 609 and is in the list of violations."""
    sandbox.call(MOBILE)
    assert sandbox.call(MOBILE) == {"code": 609, "msg": "请求过于频繁,请稍候再试"}
    (violation,) = sandbox.get("/violations")
    assert (violation["kind"], violation["mobile"], violation["sequence"]) == ("gap", MOBILE, 2)
    assert sandbox.get("/summary")["violations"] == 1


@pytest.mark.parametrize("path", ["/", "/voice-notify/send", f"{PATH}/", "/sandbox/nothing"])
def test_another_path_is_the_wrong_address(sandbox: RunningSandbox, path: str) -> None:
    """Any other path is answered with the provider's 404, and does not count as a request for a call."""
    with closing(sandbox.open("POST", path, urlencode(signed_form(MOBILE)), "")) as connection:
        response = connection.getresponse()
        assert (response.status, json.load(response)) == (404, {"msg": "接口地址不正确", "code": 404})
    assert sandbox.get("/calls") == []


@pytest.mark.parametrize("digits", [digits for digits, action in MAGIC_NUMBERS.items() if isinstance(action, int)])
def test_a_magic_code_comes_as_json(sandbox: RunningSandbox, digits: str) -> None:
    """A magic code comes as the provider's JSON."""
    reply = sandbox.call(f"1380013{digits}")
    assert reply.keys() == {"code", "msg"}
    assert reply["code"] == int(digits)


def test_the_magic_number_0001_recovers_over_http(sandbox: RunningSandbox) -> None:
    """…0001 is answered 500 twice, then 200."""
    assert [sandbox.call("13800130001")["code"] for _ in range(3)] == [500, 500, 200]


@pytest.mark.parametrize(("digits", "status"), [("0429", 429), ("0502", 502), ("0503", 503), ("0903", 200)])
def test_some_magic_numbers_are_answered_without_json(sandbox: RunningSandbox, digits: str, status: int) -> None:
    """The reply is not JSON, and has the HTTP status of the table."""
    with closing(sandbox.send(f"1380013{digits}")) as connection:
        response = connection.getresponse()
        assert response.status == status
        with pytest.raises(ValueError, match=r"decode|Expecting"):
            json.loads(response.read())
    (call,) = sandbox.get("/calls")
    assert (call["code"], call["placed"]) == (None, digits == "0903")


@pytest.mark.parametrize(("digits", "placed"), [("0902", True), ("0906", False)])
def test_some_magic_numbers_cut_the_connection(sandbox: RunningSandbox, digits: str, placed: bool) -> None:  # noqa: FBT001 - a parameter of pytest
    """These numbers cut the connection without a byte of reply; one of them has placed the call."""
    with closing(sandbox.send(f"1380013{digits}")) as connection, pytest.raises(http.client.RemoteDisconnected):
        connection.getresponse()
    (call,) = sandbox.get("/calls")
    assert (call["code"], call["placed"]) == (None, placed)


def test_the_magic_number_0901_places_the_call_and_hangs(sandbox: RunningSandbox) -> None:
    """…0901 places the call and does not reply; the connection stays."""
    with closing(sandbox.send("13800130901")) as connection:
        assert eventually(lambda: [call["placed"] for call in sandbox.get("/calls")] == [True])
        connection.sock.settimeout(MOMENT_S)
        with pytest.raises(TimeoutError):
            connection.getresponse()


def test_the_magic_number_0904_replies_2_s_later(sandbox: RunningSandbox) -> None:
    """…0904 places the call and replies 2 s later."""
    assert sandbox.call("13800130904")["code"] == 200
    assert time.time() - sandbox.get("/calls")[0]["arrived"] >= 2


def test_the_magic_number_0905_is_answered_without_a_call_id(sandbox: RunningSandbox) -> None:
    """…0905 places the call and replies 200 without naming it."""
    reply = sandbox.call("13800130905")
    assert (reply["code"], reply["data"]) == (200, {})
    assert sandbox.get("/calls")[0]["placed"]


def test_faults_are_set_and_cleared_at_run_time(sandbox: RunningSandbox) -> None:
    """A script that is posted runs until it is deleted."""
    assert sandbox.ask("POST", "/faults", {"rules": [{"percent": 100, "action": 501}]})[0] == 200
    assert sandbox.call(MOBILE)["code"] == 501
    assert sandbox.ask("DELETE", "/faults") == (204, None)
    assert sandbox.call(MOBILE)["code"] == 200


def test_network_delay_comes_before_arrival(sandbox: RunningSandbox) -> None:
    """A request arrives, and is judged, when its network delay is over."""
    sandbox.ask("POST", "/faults", {"network_delay": [MOMENT_S, MOMENT_S]})
    sent = time.time()
    assert sandbox.call(MOBILE)["code"] == 200
    assert sandbox.get("/calls")[0]["arrived"] - sent >= MOMENT_S


def test_latency_comes_after_arrival(sandbox: RunningSandbox) -> None:
    """A reply leaves when the latency since its request's arrival is over."""
    sandbox.ask("POST", "/faults", {"latency": [MOMENT_S, MOMENT_S]})
    assert sandbox.call(MOBILE)["code"] == 200
    assert time.time() - sandbox.get("/calls")[0]["arrived"] >= MOMENT_S


def test_a_request_whose_client_left_before_arrival_is_no_call(sandbox: RunningSandbox) -> None:
    """A request whose client hangs up during the network delay never arrives: it is no call."""
    sandbox.ask("POST", "/faults", {"network_delay": [600, 600]})
    with closing(sandbox.send(MOBILE)):
        assert sandbox.get("/summary")["never_arrived"] == 0
    assert eventually(lambda: bool(sandbox.get("/summary")["never_arrived"] == 1))
    assert sandbox.get("/calls") == []


def test_a_request_that_is_cut_short_is_no_call(sandbox: RunningSandbox) -> None:
    """A client that hangs up in the middle of its request has not sent one."""
    with closing(http.client.HTTPConnection("127.0.0.1", sandbox.port)) as connection:
        connection.putrequest("POST", PATH)
        connection.putheader("Content-Length", "1000")
        connection.endheaders(b"appId=sandbox")
    assert eventually(lambda: bool(sandbox.get("/summary")["never_arrived"] == 1))
    assert sandbox.get("/calls") == []


def test_concurrency_is_measured(sandbox: RunningSandbox) -> None:
    """The summary says how many requests were open at once."""
    sandbox.ask("POST", "/faults", {"rules": [{"percent": 100, "action": "hang"}]})
    with closing(sandbox.send(MOBILE)), closing(sandbox.send(OTHER)), closing(sandbox.send("13700137000")):
        assert eventually(lambda: len(sandbox.get("/calls")) == 3)
    assert sandbox.get("/summary") == {
        "requests": 3,
        "placed": 3,
        "by_code": {"hang": 3},
        "violations": 0,
        "units": 3,
        "max_concurrent": 3,
        "never_arrived": 0,
    }


def test_the_balance_can_be_set_and_read(sandbox: RunningSandbox) -> None:
    """When it is spent, requests are answered 603."""
    assert sandbox.ask("POST", "/balance", {"units": 1}) == (200, {"units": 1})
    assert [sandbox.call(mobile)["code"] for mobile in (MOBILE, OTHER)] == [200, 603]
    assert sandbox.get("/balance") == {"units": 0}


def test_the_account_can_be_suspended_and_restored(sandbox: RunningSandbox) -> None:
    """While it is suspended, requests get the code that was asked for."""
    assert sandbox.ask("POST", "/account", {"answer": 602}) == (200, {"answer": 602})
    assert sandbox.call(MOBILE)["code"] == 602
    sandbox.ask("POST", "/account", {"answer": None})
    assert sandbox.call(MOBILE)["code"] == 200


def test_the_secret_can_be_changed_and_is_reset(sandbox: RunningSandbox) -> None:
    """The old secret is refused at once, or stays valid beside the new one; a reset brings back the first."""
    for keep_old, code in ((True, 200), (False, 400)):
        assert sandbox.ask("POST", "/secret", {"secret": "another", "keep_old": keep_old}) == (204, None)
        assert sandbox.call(MOBILE)["code"] == code
        sandbox.ask("POST", "/reset")


@pytest.mark.parametrize(
    ("path", "document"),
    [
        ("/balance", {"units": -1}),
        ("/secret", {"secret": ""}),
        ("/account", {}),
        ("/account", {"answer": 200}),
        ("/faults", {"rules": 1}),
    ],
)
def test_a_bad_document_is_explained(sandbox: RunningSandbox, path: str, document: object) -> None:
    """The refusal of a document says what is wrong with it."""
    status, reply = sandbox.ask("POST", path, document)
    assert status == 400
    assert reply["error"]


def test_reset_forgets_everything(sandbox: RunningSandbox) -> None:
    """After a reset there are no calls, windows, faults or suspension, and the balance is as configured."""
    sandbox.call(MOBILE)
    sandbox.ask("POST", "/faults", {"rules": [{"percent": 100, "action": 501}]})
    sandbox.ask("POST", "/account", {"answer": 602})
    sandbox.ask("POST", "/balance", {"units": 0})
    sandbox.ask("POST", "/reset")
    assert sandbox.call(MOBILE)["code"] == 200
