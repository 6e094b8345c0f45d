"""Everything that a run writes and shows, at DEBUG: no number in full, no text, no secret."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from tests.support.deployment import ACL, TEMPLATE, Deployment, deploy, new_mobile, third_party_producer
from tests.support.monitors import LOGIN, Flower, inspect, monitor_broker, receive_events, run_flower
from tests.support.sandbox import APP_ID, APP_SECRET, eventually
from tests.support.worker import ROOT
from voice_notify import cancel, notify
from voice_notify.accounts import current_account
from voice_notify.domain.states import State
from voice_notify.ledger import keys
from voice_notify.settings import LogFormat

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PARAMS = ("王五的包裹", "东门保安室")
WRONG_SECRET = "wrong-secret-of-tests"
PASSWORD = "password-of-the-broker"


pytestmark = pytest.mark.skipif(
    ACL, reason="this process is producer, operator and monitor in one: no user may be that"
)


@dataclass
class Run:
    """A run: the numbers that were called, and what each place shows."""

    deployment: Deployment
    mobiles: list[str] = field(default_factory=list)
    shown: dict[str, str] = field(default_factory=dict)

    def send(self, **options: Any) -> tuple[str, str]:  # noqa: ANN401 - those of a Celery task
        """Submit one more; its number and its id."""
        mobile = new_mobile()
        self.mobiles.append(mobile)
        return mobile, notify.apply_async((mobile, TEMPLATE, PARAMS), **options).id

    def end_in_every_way(self) -> None:
        """Accepted, refused, unconfirmed, tried again, expired, cancelled, a wrong secret."""
        deployment, ledger = self.deployment, current_account().ledger
        ended = []
        for actions in ((), (400,), ("cut",), (500,), ("hang",)):
            ledger.pause("until the sandbox knows what to answer")
            mobile, id_ = self.send()
            deployment.answer(mobile, *actions)
            ledger.resume()
            ended.append(deployment.finished(id_).state)
        assert ended == [State.ACCEPTED, State.DEAD, *[State.ACCEPTED] * 3]
        ledger.pause("for a while")
        _, withdrawn = self.send()
        cancel(withdrawn)
        assert deployment.finished(self.send(expires=0.05)[1]).state is State.EXPIRED
        ledger.resume()
        deployment.write_secret(WRONG_SECRET)
        assert deployment.finished(self.send()[1]).state is State.DEAD
        deployment.write_secret(APP_SECRET)

    def hold_a_third_party_message(self) -> None:
        """It is of a producer without this package; while it waits for a frozen process, it can be inspected."""
        (worker,) = self.deployment.workers
        worker.freeze()
        mobile = new_mobile()
        self.mobiles.append(mobile)
        with third_party_producer(self.deployment.redis.url) as shop:
            for id_ in ("order-1", "order-2", "order-3"):
                shop.send_task("voice_notify.notify", [mobile, TEMPLATE, list(PARAMS)], task_id=id_)
            shop.send_task("voice_notify.other", [mobile, TEMPLATE, list(PARAMS)])
        held = inspect()
        assert "order-1" in json.dumps(held)
        self.shown["inspect, with a third-party message at hand"] = json.dumps(held, ensure_ascii=False)
        worker.thaw()
        self.deployment.finished("order-1")

    def fail(self) -> None:
        """A fault of ours, at the end of a call: the record is broken, and the error's text has the number."""
        ledger = current_account().ledger
        ledger.pause("until it is broken")
        mobile, id_ = self.send()
        record = ledger.scripts.prefix + keys.NOTIFICATION + id_
        ledger.scripts.client.hset(record, "override", f"not {mobile}")
        self.deployment.answer(mobile, 400)
        ledger.resume()
        log = self.deployment.workers[0].log
        assert eventually(lambda: "does not lead from calling to not" in log.read_text(encoding="utf-8"))


@pytest.fixture(scope="module", params=list(LogFormat))
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """A run with everything that watches it."""
    folder = tmp_path_factory.mktemp("deployment")
    with deploy(folder, log_format=request.param, suspect_run=100) as deployment:
        worker = deployment.start_worker("--loglevel", "DEBUG", "-E")
        made = Run(deployment)
        with run_flower(deployment.environment, folder / "flower.log", basic_auth=LOGIN) as flower:
            with receive_events() as events:
                with monitor_broker(deployment.redis.url, keys.prefix(APP_ID)) as commands:
                    made.end_in_every_way()
                made.shown["broker"] = "\n".join(commands)
                made.hold_a_third_party_message()
                made.fail()
            made.shown["events"] = json.dumps(events, ensure_ascii=False)
            made.shown["inspect"] = json.dumps(inspect(), ensure_ascii=False)
            watch(flower, made)
        worker.kill()
        made.shown["worker"] = worker.log.read_text(encoding="utf-8")
        made.shown["flower's log"] = flower.log.read_text(encoding="utf-8")
        yield made


def watch(flower: Flower, made: Run) -> None:
    """Keep what Flower shows."""
    for path in ("/api/tasks", "/api/workers?refresh=1", "/metrics", "/workers", "/broker", "/api/queues/length"):
        status, body = flower.get(path)
        assert status == 200, (path, body)
        made.shown[f"flower {path}"] = body
    made.shown["flower, each task"] = "".join(flower.get(f"/task/{id_}")[1] for id_ in flower.tasks())


def test_the_run_was_watched(run: Run) -> None:
    """What follows is worth something: each place shows something of the run."""
    for place in ("worker", "events", "flower /api/tasks", "flower, each task"):
        assert "order-1" in run.shown[place], place
    assert "celeryev" in run.shown["broker"]
    assert f"does not lead from calling to not {masked(run.mobiles[-1])}" in run.shown["worker"]
    assert "TaskPool: Apply" in run.shown["worker"]
    assert masked(run.mobiles[0]) in run.shown["worker"]


def masked(mobile: str) -> str:
    """A number as it may be shown."""
    return f"{mobile[:3]}****{mobile[-4:]}"


def test_no_place_shows_a_number_a_text_or_a_secret(run: Run) -> None:
    """In whatever way it is written."""
    plain = [*run.mobiles, *PARAMS, APP_SECRET, WRONG_SECRET]
    secrets = {
        form for each in plain for form in (each, quote(each), json.dumps(each).strip('"'), ascii(each).strip("'"))
    }
    shown = [(place, secret) for place, text in run.shown.items() for secret in secrets if secret in text]
    assert shown == []


@pytest.mark.parametrize("run", [LogFormat.JSON], indirect=True)
def test_every_line_of_a_log_as_json_is_json(run: Run) -> None:
    """Celery's own lines, too; but for what Celery prints before it has logs, and at a stop."""
    lines = [line for line in run.shown["worker"].splitlines() if line.startswith("{")]
    others = [line for line in run.shown["worker"].splitlines() if line.strip() and not line.startswith("{")]
    documents = [json.loads(line) for line in lines]
    assert {"celery.worker.strategy", "voice_notify.delivery.calls"} <= {each["logger"] for each in documents}
    assert all({"timestamp", "level", "event"} <= each.keys() for each in documents)
    assert not [line for line in others if not _of_root(line)]


def _of_root(line: str) -> bool:
    """Whether a line is of the warning that Celery gives the tests' root user before its logs are set up."""
    parts = ("SecurityWarning", "absolutely not", "specify a different", "User information", "_warn_or_raise")
    return any(each in line for each in parts)


def test_a_password_of_the_broker_is_hidden(tmp_path: Path) -> None:
    """`celery inspect conf` and `report` show the broker's URL without its password."""
    script = (
        "from types import SimpleNamespace as S\nfrom celery.worker.control import conf, report\n"
        "from voice_notify import notify\nprint(conf(S(app=notify.app), with_defaults=True), report(S(app=notify.app)))"
    )
    environment = {
        "PYTHONPATH": str(ROOT / "worker"),
        "VOICE_NOTIFY_APP_ID": "shop",
        "VOICE_NOTIFY_APP_SECRET": APP_SECRET,
        "VOICE_NOTIFY_BROKER_URL": f"amqp://shop:{PASSWORD}@one//;amqp://shop:{PASSWORD}@two//",
    }
    shown = subprocess.run(  # noqa: S603 - ours
        [sys.executable, "-c", script], env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout
    assert "amqp://shop:***" in shown
    assert PASSWORD not in shown
    assert APP_SECRET not in shown
