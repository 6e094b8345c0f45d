"""What the sandbox decides about each request; time is an argument."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest

from tests.support.sandbox import signed_form
from voice_notify.sandbox.attempt import Arrival, Attempt
from voice_notify.sandbox.checks import RawRequest
from voice_notify.sandbox.config import SandboxConfig
from voice_notify.sandbox.fault_script import FaultScript, Rule
from voice_notify.sandbox.faults import MAGIC_NUMBERS, Fault
from voice_notify.sandbox.judge import Judge
from voice_notify.sandbox.replies import reply_to

START = 1_700_000_000.0
MOBILE = "13800138000"
OTHER = "13900139000"


def arrive(judge: Judge, mobile: str = MOBILE, *, after: float = 0.0, **changes: str) -> Attempt:
    """Let a well-formed request, but for `changes`, arrive `after` seconds from the start."""
    form = signed_form(mobile, timestamp_ms=int((START + after) * 1000)) | changes
    raw = RawRequest("POST", "application/x-www-form-urlencoded", b"", urlencode(form).encode())
    return judge.arrive(raw, Arrival(monotonic=after, epoch=START + after))


def codes(judge: Judge, *times: float) -> list[int | None]:
    """The codes in the replies to requests at these times, in seconds from the start."""
    return [arrive(judge, after=time).code for time in times]


def test_a_good_request_is_placed() -> None:
    """A well-formed request becomes a call with an id, as documented."""
    attempt = arrive(Judge(SandboxConfig()))
    assert (attempt.code, attempt.placed, attempt.units) == (200, True, 1)
    assert attempt.call_id.isdigit()


def test_each_call_has_its_own_ids() -> None:
    """Two calls differ in their call id and in their task number."""
    judge = Judge(SandboxConfig())
    first, second = arrive(judge, MOBILE), arrive(judge, OTHER)
    assert first.call_id != second.call_id
    assert first.task_no != second.task_no


def test_a_bad_request_is_answered_400() -> None:
    """The reply names the mistake; no call is placed, but the request is logged."""
    judge = Judge(SandboxConfig())
    attempt = arrive(judge, "123")
    assert (attempt.code, attempt.message, attempt.placed) == (400, "手机号格式不正确", False)
    assert reply_to(attempt).body.decode() == '{"msg": "手机号格式不正确", "code": 400}'
    assert judge.request_log.attempts == [attempt]


def test_the_gap_ends_exactly_after_its_length() -> None:
    """A request a millisecond earlier is refused, and does not extend the gap."""
    assert codes(Judge(SandboxConfig(gap=30)), 0, 29.999, 30, 59.999, 60) == [200, 609, 200, 609, 200]


def test_the_sixth_call_may_come_exactly_a_window_after_the_first() -> None:
    """The window rolls; it does not end at midnight."""
    times = [0, 100, 200, 300, 400, 86_399.999, 86_400, 86_499.999, 86_500]
    assert codes(Judge(SandboxConfig()), *times) == [200] * 5 + [606, 200, 606, 200]


def test_windows_are_each_numbers_own() -> None:
    """A call to one number does not delay a call to another."""
    judge = Judge(SandboxConfig())
    assert [arrive(judge, MOBILE).code, arrive(judge, OTHER).code] == [200, 200]


def test_a_call_that_breaks_both_windows_is_two_violations() -> None:
    """The request is answered 606."""
    judge = Judge(SandboxConfig(gap=30, max_calls=1, window=100))
    assert codes(judge, 0, 10) == [200, 606]
    assert [violation.collision.window for violation in judge.request_log.violations] == ["gap", "daily"]


def test_a_violation_names_what_it_collides_with() -> None:
    """A violation of the gap names the last call, one of the daily limit all calls in the window."""
    judge = Judge(SandboxConfig(gap=30, max_calls=2, window=1000))
    codes(judge, 0, 40, 50, 100)
    assert [violation.to_json() for violation in judge.request_log.violations] == [
        {
            "kind": kind,
            "mobile": MOBILE,
            "sequence": sequence,
            "arrived": START + after,
            "after": after - earlier[0],
            "limit": limit,
            "collides_with": [{"sequence": 1 + (at > 0), "arrived": START + at} for at in earlier],
        }
        for kind, sequence, after, earlier, limit in [
            ("gap", 3, 50.0, [40.0], 30),
            ("daily", 3, 50.0, [0.0, 40.0], 1000),
            ("daily", 4, 100.0, [0.0, 40.0], 1000),
        ]
    ]


def test_a_refused_request_counts_in_no_window() -> None:
    """Only calls that were placed count: after a 500 the next request may follow at once."""
    judge = Judge(SandboxConfig(faults=FaultScript(rules=(Rule(action=500, count=1),))))
    assert codes(judge, 0, 0.1, 0.2) == [500, 200, 609]


def test_windows_are_judged_before_faults() -> None:
    """A request that comes too early is a violation even if a fault would have refused it, and uses up no fault."""
    judge = Judge(SandboxConfig())
    arrive(judge)
    judge.set_fault_script(FaultScript(rules=(Rule(action=500, count=1),)))
    assert codes(judge, 1, 30) == [609, 500]
    assert len(judge.request_log.violations) == 1


@pytest.mark.parametrize("fault", [fault for fault in Fault if fault.places_call])
def test_a_placed_call_counts_whatever_the_reply(fault: Fault) -> None:
    """A call whose reply hangs, is cut, garbled, slow or incomplete counts in the windows and is billed."""
    judge = Judge(SandboxConfig(balance=10, faults=FaultScript(rules=(Rule(action=fault, count=1),))))
    first, second = arrive(judge), arrive(judge, after=1)
    assert (first.fault, first.placed, second.code) == (fault, True, 609)
    assert judge.balance == 9


@pytest.mark.parametrize("fault", [fault for fault in Fault if not fault.places_call])
def test_a_fault_before_placing_counts_and_costs_nothing(fault: Fault) -> None:
    """A request that is cut or refused before it is placed counts in no window and is not billed."""
    judge = Judge(SandboxConfig(balance=10, faults=FaultScript(rules=(Rule(action=fault, count=1),))))
    first, second = arrive(judge), arrive(judge, after=1)
    assert (first.placed, first.units, second.code) == (False, 0, 200)


def test_a_call_that_costs_more_than_the_balance_is_answered_603() -> None:
    """Each call is billed; one that costs more than is left is answered 603, until units are added."""
    judge = Judge(SandboxConfig(gap=0, balance=3))
    long = "楼" * 86
    assert [arrive(judge, param=long).code, arrive(judge, param=long).code, arrive(judge).code] == [200, 603, 200]
    assert judge.balance == 0
    assert arrive(judge).code == 603
    judge.balance = 1
    assert arrive(judge, after=86_400).code == 200


def test_a_suspended_account_answers_602_to_everything() -> None:
    """While the account is suspended every request is answered 602, even a bad one; then everything is as before."""
    judge = Judge(SandboxConfig())
    judge.account_answer = 602
    assert [arrive(judge).code, arrive(judge, "123").code] == [602, 602]
    judge.account_answer = None
    assert arrive(judge).code == 200


def test_a_suspended_account_excuses_no_violation() -> None:
    """A request that comes too early is a violation even while every request is refused."""
    judge = Judge(SandboxConfig())
    arrive(judge)
    judge.account_answer = 602
    assert arrive(judge, after=1).code == 602
    assert len(judge.request_log.violations) == 1


@pytest.mark.parametrize("digits", [digits for digits, action in MAGIC_NUMBERS.items() if isinstance(action, int)])
def test_a_magic_code_is_always_answered_and_never_called(digits: str) -> None:
    """A number that ends in a magic code is answered with that code each time."""
    judge = Judge(SandboxConfig())
    attempts = [arrive(judge, f"1380013{digits}", after=after) for after in (0, 1, 2)]
    assert [(attempt.code, attempt.placed) for attempt in attempts] == [(int(digits), False)] * 3


def test_the_magic_number_0001_recovers_after_two_refusals() -> None:
    """…0001 is answered 500 twice, then it is called; another number that recovers counts for itself."""
    judge = Judge(SandboxConfig(gap=0))
    answers = [arrive(judge, "13800130001", after=after).code for after in (0, 1, 2, 3)]
    assert answers == [500, 500, 200, 200]
    assert arrive(judge, "13900130001").code == 500


def test_magic_numbers_can_be_turned_off() -> None:
    """Without magic numbers every mobile is called, as a load test wants."""
    assert arrive(Judge(SandboxConfig(magic_numbers=False)), "13800130602").code == 200


def test_the_summary_counts_what_arrived() -> None:
    """The summary counts requests, calls, outcomes, violations and units; each number's requests can be asked for."""
    judge = Judge(SandboxConfig())
    arrive(judge, param="楼" * 86)
    arrive(judge, after=1)
    hanging = arrive(judge, "13800130901")
    assert judge.request_log.summary() == {
        "requests": 3,
        "placed": 2,
        "by_code": {"200": 1, "609": 1, "hang": 1},
        "violations": 1,
        "units": 3,
    }
    assert judge.request_log.attempts_for("13800130901") == [hanging]
    assert judge.request_log.attempts_for(OTHER) == []


@pytest.mark.parametrize("limits", [{"max_calls": 0}, {"gap": -1}, {"window": -0.5}, {"balance": -1}])
def test_limits_that_make_no_sense_are_refused(limits: dict[str, Any]) -> None:
    """Negative limits, and none at all, are mistakes."""
    with pytest.raises(ValueError, match="must"):
        SandboxConfig(**limits)
