"""`celery -A voice_notify flower`: never open to everyone, and a task for each notification with what became of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.support.deployment import Deployment, new_mobile, third_party_producer
from tests.support.monitors import LOGIN, Flower, run_flower
from tests.support.sandbox import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


#: Its Redis is the broker too.
pytestmark = pytest.mark.parametrize("broker_url", ["redis"], indirect=True)


@pytest.fixture(scope="module")
def flower(running: Deployment) -> Iterator[Flower]:
    """Flower, which has turned events on: the worker was not asked to send any."""
    with run_flower(running.environment, running.folder / "flower.log", basic_auth=LOGIN) as flower:

        def shows_a_new_notification() -> bool:
            """Flower asks for events when it begins; a call that began before that leaves no trace."""
            running.send(new_mobile())
            return flower.tasks() != {}

        assert eventually(shows_a_new_notification)
        yield flower


@pytest.mark.parametrize("path", ["/", "/tasks", "/api/tasks", "/api/workers", "/broker"])
def test_no_page_opens_without_the_password(flower: Flower, path: str) -> None:
    """Without the password, and with another one, Flower tells nothing."""
    assert flower.get(path, None)[0] == 401
    assert flower.get(path, "admin:guessed")[0] == 401
    assert flower.get(path)[0] == 200


def test_a_password_is_made_up_where_none_is_set(running: Deployment, tmp_path: Path) -> None:
    """It is printed once, lasts until Flower ends, and only that one opens."""
    log = tmp_path / "flower.log"
    with run_flower(running.environment, log) as flower:
        made = re.search(r"user (\w+), password (\S+),", log.read_text(encoding="utf-8"))
        assert made is not None
        assert [flower.get("/tasks", login)[0] for login in (None, LOGIN, ":".join(made.groups()))] == [401, 401, 200]


def test_each_notification_is_a_task(running: Deployment, flower: Flower) -> None:
    """It has the notification's id and outcome: success with the callId, failure with code and `msg`, a retry."""
    good, bad, late = new_mobile(), new_mobile(), new_mobile()
    running.script(
        {"mobile": bad, "action": 400, "count": 1},
        {"mobile": late, "action": 500, "count": 1},
    )
    ids = {mobile: running.send(mobile) for mobile in (good, bad, late)}
    running.all_finished(ids.values())

    def shown() -> bool:
        tasks = flower.tasks()
        return [tasks.get(id_, {}).get("state") for id_ in ids.values()] == ["SUCCESS", "FAILURE", "SUCCESS"]

    assert eventually(shown)
    tasks = {mobile: flower.tasks()[id_] for mobile, id_ in ids.items()}
    assert {task["name"] for task in tasks.values()} == {"voice_notify.notify"}
    assert tasks[good]["result"] == f"200 callId {running.calls(good)[0]['callId']}"
    assert tasks[bad]["exception"] == "refused: 400 参数错误"
    assert (tasks[late]["retries"], tasks[late]["retried"] is not None) == (1, True)


def test_an_expired_notification_is_revoked(running: Deployment, flower: Flower) -> None:
    """Whether its deadline passes in line, while it backs off or during a call."""
    mobile = new_mobile()
    running.script({"mobile": mobile, "action": 609, "percent": 100})
    id_ = running.send(mobile, expires=0.3)
    running.finished(id_)
    assert eventually(lambda: flower.tasks().get(id_, {}).get("state") == "REVOKED")


def test_a_third_party_message_shows_what_became_of_its_call(running: Deployment, flower: Flower) -> None:
    """That its message was taken is no success: the call is; and one that is refused is a failure with the rule."""
    bad = new_mobile()
    running.answer(bad, 400)
    with third_party_producer(running.broker_url) as shop:
        shop.send_task("voice_notify.notify", [bad, "453662", ["张三", "3号楼"]], task_id="shop-1")
        shop.send_task("voice_notify.notify", ["1380013800", "453662", ["张三", "3号楼"]], task_id="shop-2")

    def states() -> list[str | None]:
        tasks = flower.tasks()
        return [tasks.get(id_, {}).get("state") for id_ in ("shop-1", "shop-2")]

    assert eventually(lambda: states() == ["FAILURE", "FAILURE"])
    tasks = flower.tasks()
    assert "mobile: must be" in tasks["shop-2"]["exception"]
    assert tasks["shop-1"]["exception"] == "refused: 400 参数错误"


def test_nothing_but_notifications_is_a_task(flower: Flower) -> None:
    """Nothing of how the calls are found crowds them out."""
    assert {task["name"] for task in flower.tasks().values()} == {"voice_notify.notify"}
