"""A Django project with a Celery application, a broker and settings of its own (`tests/applications/django`)."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from tests.support.deployment import Deployment, new_mobile
from tests.support.interpreter import without_settings
from tests.support.redis_server import free_port, run_redis_server
from tests.support.sandbox import APP_ID, eventually
from tests.support.worker import ROOT
from voice_notify import Record, explain
from voice_notify.domain.states import State

pytest.importorskip("django")
SHOP = ROOT / "tests" / "applications" / "django"
#: Its Redis is the broker too.
pytestmark = pytest.mark.parametrize("broker_url", ["redis"], indirect=True)


class Shop:
    """Its processes, as its developers start them: none has a setting of this package in its environment."""

    def __init__(self, folder: Path, deployment: Deployment, broker_url: str) -> None:
        self.folder = folder
        self.environment = without_settings() | {
            "DJANGO_SETTINGS_MODULE": "shop.settings",
            "PYTHONPATH": str(SHOP),
            "SHOP_DATABASE": str(folder / "shop.sqlite3"),
            "SHOP_BROKER": broker_url,
            "SHOP_REDIS": deployment.redis.url_of("producer"),
            "SHOP_ACCOUNT": APP_ID,
            "SHOP_MANAGER": new_mobile(),
        }
        self.processes: list[subprocess.Popen[bytes]] = []
        self.url = ""

    def manage(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """`python manage.py …`."""
        command = [sys.executable, "manage.py", *words]
        environment = self.environment | environment
        return subprocess.run(command, cwd=SHOP, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - ours

    def start(self, name: str, *words: str) -> Path:
        """Start a Python program that runs on; its log."""
        log = self.folder / f"{name}.log"
        command = [sys.executable, "-u", *words]
        with log.open("wb") as output:
            process = subprocess.Popen(command, cwd=SHOP, env=self.environment, stdout=output, stderr=output)  # noqa: S603 - ours
        self.processes.append(process)
        return log

    def get(self, path: str) -> dict[str, str]:
        """What a page says."""
        with urlopen(f"{self.url}/{path}") as reply:  # noqa: S310 - ours
            return dict(json.load(reply))

    def stop_last(self) -> None:
        """End what was started last."""
        process = self.processes.pop()
        process.terminate()
        process.wait(30)

    def stop(self) -> None:
        """End what was started."""
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait(30)


@pytest.fixture(scope="module")
def shop(running: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The shop with its server, and its own worker on its own broker."""
    folder = tmp_path_factory.mktemp("shop")
    with run_redis_server(folder) as broker:
        shop = Shop(folder, running, broker.url)
        migrated = shop.manage("migrate", "--verbosity", "0")
        assert migrated.returncode == 0, migrated.stderr
        try:
            worker = shop.start("worker", "-m", "celery", "-A", "shop", "worker", "-c", "1", "--loglevel", "INFO")
            address = f"127.0.0.1:{free_port()}"
            server = shop.start("server", "manage.py", "runserver", "--noreload", address)
            shop.url = f"http://{address}"
            for log, ready in ((server, "Quit the server"), (worker, "ready.")):
                assert eventually(lambda: ready in log.read_text(encoding="utf-8")), log.read_text(encoding="utf-8")  # noqa: B023 - called at once
            yield shop
        finally:
            shop.stop()


def nothing_was_submitted(deployment: Deployment) -> bool:
    """Whether the ledger holds nothing, and nobody was called."""
    return not any(deployment.operator.counts().values()) and deployment.sandbox.get("/summary")["requests"] == 0


def test_an_order_is_called_once_it_is_committed(deployment: Deployment, shop: Shop) -> None:
    """With the id that the view stored."""
    mobile = new_mobile()
    id_ = shop.get(f"order/{mobile}")["id"]
    assert deployment.finished(id_).state is State.ACCEPTED
    assert len(deployment.calls(mobile)) == 1


def test_an_order_that_is_rolled_back_calls_nobody(deployment: Deployment, shop: Shop) -> None:
    """And stores nothing."""
    with pytest.raises(HTTPError):
        shop.get(f"failing-order/{new_mobile()}")
    assert nothing_was_submitted(deployment)


def test_a_mistake_is_told_inside_the_transaction(deployment: Deployment, shop: Shop) -> None:
    """Where the view can still answer it."""
    assert shop.get("wrong-order") == {"field": "mobile"}
    assert nothing_was_submitted(deployment)


def test_a_task_of_the_shop_notifies(deployment: Deployment, shop: Shop) -> None:
    """From the shop's worker, whose application is another one than that of this package."""
    mobile = new_mobile()
    shop.get(f"reminder/{mobile}")
    deployment.called(mobile)


def test_beat_notifies(deployment: Deployment, shop: Shop) -> None:
    """The shop's own beat, by an entry with the name of our task: each time, with its options, without its broker."""
    words = ("-m", "celery", "-A", "shop", "beat", "--loglevel", "INFO", "--schedule", str(shop.folder / "beat"))
    beat = shop.start("beat", *words)
    try:
        deployment.called(shop.environment["SHOP_MANAGER"])
        # The second one waits: the shop, which has the default settings, expects 30 s between calls to one number.
        assert eventually(lambda: len(submitted(beat)) > 1), beat.read_text(encoding="utf-8")
    finally:
        shop.stop_last()
    for record in map(explained, submitted(beat)):
        assert (record.mobile, record.priority) == (shop.environment["SHOP_MANAGER"], 5)
        assert record.deadline_ms is not None
        assert 55_000 < record.deadline_ms - record.created_ms <= 60_000


def submitted(log: Path) -> list[str]:
    """The ids of what a process has submitted, by its log."""
    return re.findall(r"event=submitted id=(\w+)", log.read_text(encoding="utf-8"))


def explained(id_: str) -> Record:
    """What the ledger has."""
    return explain(id_).record


def test_a_link_and_the_end_of_a_chain_notify(deployment: Deployment, shop: Shop) -> None:
    """After a task of the shop, by a signature without that task's result, from its worker."""
    linked, chained = new_mobile(), new_mobile()
    shop.get(f"reminder-after-a-task/{linked}")
    deployment.called(linked)
    deployment.called(chained)


def test_the_shell_notifies(deployment: Deployment, shop: Shop) -> None:
    """As a developer tries it."""
    mobile = new_mobile()
    code = f"from voice_notify import notify; print(notify.delay('{mobile}', '453662', ['张三', '3号楼']).id)"
    done = shop.manage("shell", "-c", code)
    assert done.returncode == 0, done.stderr
    assert deployment.finished(done.stdout.split()[-1]).state is State.ACCEPTED


@pytest.mark.parametrize(("account", "code"), [(APP_ID, 0), ("no such account", 1)])
def test_check_finds_wrong_settings(shop: Shop, account: str, code: int) -> None:
    """`manage.py check` names the setting and the place where it is set."""
    checked = shop.manage("check", SHOP_ACCOUNT=account)
    assert checked.returncode == code, checked.stderr
    assert ("voice_notify.E001" in checked.stderr) == bool(code)
    assert ("app_id" in checked.stderr) == bool(code)
    assert ("set by app_id in VOICE_NOTIFY in Django's settings" in checked.stderr) == bool(code)
