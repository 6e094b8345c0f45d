"""How notifications end: every outcome, through a real worker."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import pytest
from celery import group
from celery.result import AsyncResult

import voice_notify
from tests.support.deployment import (
    GAP,
    MAX_CALLS,
    PARAMS,
    TEMPLATE,
    WINDOW,
    Deployment,
    new_mobile,
    third_party_producer,
)
from tests.support.sandbox import eventually
from voice_notify import cancel, explain
from voice_notify.accounts import current_account
from voice_notify.celery import app
from voice_notify.domain.states import State
from voice_notify.errors import NotDelivered

if TYPE_CHECKING:
    from voice_notify.ledger.notifications import Record

POLICIES = ("resend", "dead_letter", "assume_sent")


def codes(deployment: Deployment, mobile: str) -> list[int | None]:
    """What the sandbox answered to the requests for a number, in order."""
    return [call["code"] for call in deployment.calls(mobile)]


def params_in_order(deployment: Deployment, mobile: str) -> list[str]:
    """The variables of the calls to a number, in order."""
    return [call["param"] for call in deployment.calls(mobile)]


def send_params(mobile: str, word: str, **options: Any) -> str:  # noqa: ANN401 - those of a Celery task
    """Submit a notification that can be told by its first variable; its id."""
    id_: str = voice_notify.notify.apply_async((mobile, TEMPLATE, (word, "3号楼")), **options).id
    return id_


def test_one_notification_rings_once_with_the_right_text(deployment: Deployment) -> None:
    """What was asked for is what the provider gets, once, and its names for the call are kept."""
    mobile = new_mobile()
    record = deployment.finished(deployment.send(mobile))
    (call,) = deployment.calls(mobile)
    assert (call["templateId"], call["param"], call["placed"]) == (TEMPLATE, ",".join(PARAMS), True)
    assert (record.state, record.call_id, record.attempts) == (State.ACCEPTED, call["callId"], 1)


def test_the_worker_log_names_no_number_in_full(deployment: Deployment) -> None:
    """A log shows a number masked, and the text not at all."""
    mobile = new_mobile()
    deployment.finished(deployment.send(mobile))
    log = deployment.workers[0].log
    masked = f"{mobile[:3]}****{mobile[-4:]}"
    assert eventually(lambda: masked in log.read_text(encoding="utf-8"))
    assert mobile not in log.read_text(encoding="utf-8")
    assert PARAMS[0] not in log.read_text(encoding="utf-8")


def test_calls_to_one_number_keep_both_windows(deployment: Deployment) -> None:
    """A burst for one number is spread over the gap and the daily limit, in order; no call comes before its eta."""
    mobile = new_mobile()
    words = [f"第{number}次" for number in range(MAX_CALLS + 1)]
    results = [voice_notify.notify.delay(mobile, TEMPLATE, (word, "3号楼")) for word in words]
    deployment.all_finished(result.id for result in results)
    arrived = [call["arrived"] for call in deployment.calls(mobile)]
    assert params_in_order(deployment, mobile) == [f"{word},3号楼" for word in words]
    assert codes(deployment, mobile) == [200] * len(words)
    assert arrived[1] - arrived[0] >= GAP
    assert arrived[MAX_CALLS] - arrived[0] >= WINDOW
    etas = [result.eta for result in results if result.eta]
    assert all(at >= eta.timestamp() for at, eta in zip(arrived, etas, strict=True))
    assert (etas[-1] - etas[0]).total_seconds() >= WINDOW


@pytest.mark.parametrize("code", [500, 501, 609])
def test_a_transient_refusal_is_retried(deployment: Deployment, code: int) -> None:
    """After maintenance or too many requests the call is placed all the same."""
    mobile = new_mobile()
    deployment.answer(mobile, code, code)
    record = deployment.finished(deployment.send(mobile))
    assert record.state is State.ACCEPTED
    assert codes(deployment, mobile) == [code, code, 200]


def test_endless_transient_refusals_end_in_the_dead_letters(deployment: Deployment) -> None:
    """After `max_attempts` a person has to look, and sees the provider's `msg`."""
    mobile = new_mobile()
    deployment.script({"mobile": mobile, "action": 500, "percent": 100})
    record = deployment.finished(deployment.send(mobile))
    assert (record.state, record.reason, record.message) == (State.DEAD, "exhausted", "系统维护,请稍候再试")
    assert len(deployment.calls(mobile)) == current_account().settings.max_attempts


@pytest.mark.parametrize(
    ("code", "reason", "message"),
    [(400, "refused", "参数错误"), (999, "unclear", "其他,以实际返回为准"), (777, "unclear", "未知")],
)
def test_a_permanent_refusal_is_a_dead_letter(deployment: Deployment, code: int, reason: str, message: str) -> None:
    """It is not sent again, and the dead letter has the provider's `msg`."""
    mobile = new_mobile()
    deployment.answer(mobile, code)
    record = deployment.finished(deployment.send(mobile))
    assert (record.state, record.reason) == (State.DEAD, reason)
    assert (record.code, record.message) == (str(code), message)
    assert codes(deployment, mobile) == [code]


def test_an_empty_balance_costs_one_notification_only(deployment: Deployment) -> None:
    """603 pauses the account, all others keep their place, and after a top-up a probe lets them out."""
    deployment.sandbox.ask("POST", "/balance", {"units": 0})
    first = deployment.finished(deployment.send(new_mobile()))
    pause = deployment.operator.account()
    assert (first.state, first.code) == (State.DEAD, "603")
    assert pause is not None
    assert pause.reason == "603"

    mobiles = [new_mobile() for _ in range(5)]
    ids = [deployment.send(mobile) for mobile in mobiles]
    assert {explain(id_).reason for id_ in ids} == {"paused"}
    deployment.sandbox.ask("POST", "/balance", {"units": 1000})
    assert {record.state for record in deployment.all_finished(ids)} == {State.ACCEPTED}
    assert [codes(deployment, mobile) for mobile in mobiles] == [[200]] * 5
    assert deployment.operator.account() is None


def test_a_wrong_secret_costs_a_few_notifications_only(deployment: Deployment) -> None:
    """400 to everyone pauses the account as suspect; a right secret is taken up without a restart."""
    deployment.write_secret("wrong")
    ids = [deployment.send(new_mobile()) for _ in range(current_account().settings.suspect_run)]
    refused = deployment.all_finished(ids)
    pause = deployment.operator.account()
    assert {(record.state, record.code, record.message) for record in refused} == {(State.DEAD, "400", "签名错误")}
    assert pause is not None
    assert pause.reason == "suspect"

    waiting = [deployment.send(new_mobile()) for _ in range(3)]
    deployment.write_secret("sandbox-secret")
    assert {record.state for record in deployment.all_finished(waiting)} == {State.ACCEPTED}


@pytest.mark.parametrize("fault", ["hang", "cut", "garbage", "http_502"])
def test_an_unconfirmed_call_follows_its_policy(deployment: Deployment, fault: str) -> None:
    """Where nobody knows whether the phone rang: call once more, leave it to a person, or take it as sent."""
    mobiles = {policy: new_mobile() for policy in POLICIES}
    deployment.script(*({"mobile": mobile, "action": fault, "count": 1} for mobile in mobiles.values()))
    ids = {policy: deployment.send(mobile, kwargs={"on_unconfirmed": policy}) for policy, mobile in mobiles.items()}
    ended = {policy: _end(deployment.finished(id_)) for policy, id_ in ids.items()}
    assert ended == {
        "resend": (State.ACCEPTED, "placed", 1),
        "dead_letter": (State.DEAD, "unconfirmed", 1),
        "assume_sent": (State.ACCEPTED, "assumed", 1),
    }
    assert [codes(deployment, mobile) for mobile in mobiles.values()] == [[None, 200], [None], [None]]


def _end(record: Record) -> tuple[State, str, int]:
    return record.state, record.reason, record.unconfirmed


def test_no_call_is_placed_after_the_deadline(deployment: Deployment) -> None:
    """A notification that is refused again and again expires at its deadline; the sandbox sees no request after it."""
    mobile = new_mobile()
    deployment.script({"mobile": mobile, "action": 609, "percent": 100})
    deployment.finished(deployment.send(new_mobile()))  # a cold broker takes longer than the deadline
    record = deployment.finished(deployment.send(mobile, expires=0.3))
    assert (record.state, record.reason) == (State.EXPIRED, "deadline")
    assert record.deadline_ms is not None
    arrived = [call["arrived"] * 1000 for call in deployment.calls(mobile)]
    assert arrived
    assert max(arrived) <= record.deadline_ms


def test_a_deadline_runs_during_a_pause(deployment: Deployment) -> None:
    """A notification that could not be called in time expires, and its phone never rings."""
    mobile = new_mobile()
    deployment.operator.pause("a test")
    record = deployment.finished(deployment.send(mobile, expires=0.1))
    deployment.operator.resume()
    assert record.state is State.EXPIRED
    assert deployment.calls(mobile) == []


def test_a_late_success_cancels_the_resend(deployment: Deployment) -> None:
    """The reply to a worker that was frozen until its lease had run out counts, and the phone rings once."""
    (worker,) = deployment.workers
    mobile = new_mobile()
    deployment.script(latency=0.8)
    id_ = deployment.send(mobile)
    deployment.called(mobile)
    worker.signal_children(signal.SIGSTOP)
    deployment.operator.pause("so that the resend waits")
    deployment.reaches(id_, State.WAITING, "paused")
    worker.signal_children(signal.SIGCONT)
    record = deployment.finished(id_)
    deployment.operator.resume()
    assert (record.state, record.reason, record.unconfirmed) == (State.ACCEPTED, "late", 1)
    assert codes(deployment, mobile) == [200]


def test_a_countdown_holds_back_its_own_notification_only(deployment: Deployment) -> None:
    """It is called after its time; what was submitted later for the same number goes before it."""
    mobile = new_mobile()
    held = send_params(mobile, "later", countdown=0.6)
    deployment.all_finished([held, send_params(mobile, "at once")])
    assert params_in_order(deployment, mobile) == ["at once,3号楼", "later,3号楼"]
    assert deployment.calls(mobile)[1]["arrived"] * 1000 >= explain(held).record.created_ms + 600


def test_the_more_important_goes_first(deployment: Deployment) -> None:
    """Within a line, priority 9 is called before 0; equals are called in order of submission."""
    mobile = new_mobile()
    deployment.operator.pause("until all are in line")
    priorities = {"low": 0, "high": 9, "high too": 9}
    ids = [send_params(mobile, word, priority=priority) for word, priority in priorities.items()]
    deployment.operator.resume()
    deployment.all_finished(ids)
    assert params_in_order(deployment, mobile) == ["high,3号楼", "high too,3号楼", "low,3号楼"]


def test_a_group_of_signatures_calls_each_once(deployment: Deployment) -> None:
    """Celery's `group` submits like `delay`, and its result waits for every call."""
    mobiles = [new_mobile() for _ in range(5)]
    result = group(voice_notify.notify.s(mobile, TEMPLATE, PARAMS) for mobile in mobiles).apply_async()
    assert [reply["call_id"] for reply in result.get(timeout=20)] == [
        call["callId"] for mobile in mobiles for call in deployment.calls(mobile)
    ]
    assert [codes(deployment, mobile) for mobile in mobiles] == [[200]] * 5


def test_a_result_is_read_from_the_ledger(deployment: Deployment) -> None:
    """`get` waits for the end of the call, here and by its id elsewhere, and raises what went wrong."""
    good, bad = new_mobile(), new_mobile()
    deployment.answer(bad, 400)
    result = voice_notify.notify.delay(good, TEMPLATE, PARAMS)
    failed = AsyncResult(deployment.send(bad), app=app)
    reply = result.get(timeout=20)
    with pytest.raises(NotDelivered, match="参数错误"):
        failed.get(timeout=20)
    assert (result.state, failed.state) == ("SUCCESS", "FAILURE")
    assert reply["call_id"] == deployment.calls(good)[0]["callId"]


def test_a_cancelled_notification_is_never_called(deployment: Deployment) -> None:
    """It leaves its line, and what stands behind it is called."""
    mobile = new_mobile()
    deployment.operator.pause("until one is cancelled")
    withdrawn, kept = send_params(mobile, "withdrawn"), send_params(mobile, "kept")
    assert cancel(withdrawn) is State.WAITING
    deployment.operator.resume()
    states = [record.state for record in deployment.all_finished([withdrawn, kept])]
    assert states == [State.CANCELLED, State.ACCEPTED]
    assert params_in_order(deployment, mobile) == ["kept,3号楼"]


def test_a_redelivered_third_party_message_rings_once(deployment: Deployment) -> None:
    """A producer without this package sends a task by name; the same task id three times is one notification."""
    mobile = new_mobile()
    with third_party_producer(deployment.broker_url) as shop:
        for _ in range(3):
            shop.send_task("voice_notify.notify", [mobile, TEMPLATE, list(PARAMS)], task_id="order-8812")
    assert eventually(lambda: AsyncResult("order-8812", app=app).state == "SUCCESS")
    second = deployment.send(mobile)  # behind the first: when it has ended, a second call of the first would show
    deployment.finished(second)
    assert codes(deployment, mobile) == [200, 200]
    assert explain("order-8812").record.attempts == 1
