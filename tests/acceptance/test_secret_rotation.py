"""A new secret while calls flow: no worker starts again, no call is lost, refused or repeated."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.support.deployment import Deployment, new_mobile
from tests.support.sandbox import eventually
from voice_notify.domain.states import State

if TYPE_CHECKING:
    from collections.abc import Iterator

_PAUSE = 0.01


@contextmanager
def traffic(deployment: Deployment) -> Iterator[dict[str, str]]:
    """Send to one new number after the other; their ids, by number."""
    sent: dict[str, str] = {}
    stop = threading.Event()

    def send() -> None:
        while not stop.wait(_PAUSE):
            mobile = new_mobile()
            sent[mobile] = deployment.send(mobile)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield sent
    finally:
        stop.set()
        thread.join()


def more_calls(deployment: Deployment, count: int = 20) -> None:
    """Wait until the sandbox has seen `count` more calls."""
    before = deployment.sandbox.get("/summary")["requests"]
    assert eventually(lambda: deployment.sandbox.get("/summary")["requests"] >= before + count)


def check(deployment: Deployment, sent: dict[str, str], processes: list[int]) -> None:
    """Each number was called once and accepted, and the processes that place calls are the same."""
    assert {record.state for record in deployment.all_finished(sent.values())} == {State.ACCEPTED}
    answers = Counter((call["mobile"], call["code"]) for call in deployment.sandbox.get("/calls"))
    assert answers == {(mobile, 200): 1 for mobile in sent}
    assert deployment.workers[0].children() == processes


def test_no_call_is_refused_while_both_secrets_are_good(deployment: Deployment) -> None:
    """The provider takes the new one, the file is replaced, the old one is withdrawn: calls never pause."""
    processes = deployment.workers[0].children()
    deployment.script(latency=0.05)
    with traffic(deployment) as sent:
        more_calls(deployment)
        deployment.change_secret("new-secret", keep_old=True)
        more_calls(deployment)
        deployment.write_secret("new-secret")
        more_calls(deployment)  # what was signed with the old one is on the way no longer
        deployment.change_secret("new-secret", keep_old=False)
        more_calls(deployment)
    check(deployment, sent, processes)


def test_no_call_is_refused_where_one_secret_is_good_at_a_time(deployment: Deployment) -> None:
    """The account is paused, what is on the wire ends, provider and file are changed, the account resumes."""
    processes = deployment.workers[0].children()
    deployment.script(latency=0.05)
    with traffic(deployment) as sent:
        more_calls(deployment)
        deployment.operator.pause("a new secret")
        assert eventually(lambda: deployment.operator.counts()[State.CALLING] == 0)
        deployment.change_secret("new-secret", keep_old=False)
        deployment.write_secret("new-secret")
        deployment.operator.resume()
        more_calls(deployment)
    check(deployment, sent, processes)
