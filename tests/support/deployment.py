"""All that delivers a call, for real: Redis, the sandbox, Celery workers, and this process as the producer."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from celery import Celery
from kombu import pools

import voice_notify
from tests.support.interpreter import without_settings
from tests.support.redis_server import RedisServer, run_redis_server
from tests.support.sandbox import APP_ID, APP_SECRET, RunningSandbox, eventually, run_sandbox
from tests.support.worker import APP, CRASHING_APP, ROOT, Worker, impatient
from voice_notify import UnknownNotification, explain
from voice_notify.accounts import current_account
from voice_notify.broker.application import app
from voice_notify.broker.configuration import configuration, queue_name
from voice_notify.domain.states import State
from voice_notify.ledger import keys
from voice_notify.ledger.connect import connect
from voice_notify.settings import SecretUrl, Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from voice_notify.ledger.explanation import Explanation
    from voice_notify.ledger.ledger import Ledger
    from voice_notify.ledger.notifications import Record

TEMPLATE = "453662"
TEMPLATES = ROOT / "config" / "templates.toml"
#: Its two variables.
PARAMS = ("张三", "3号楼")
#: Celery's queue for this account.
QUEUE = queue_name(APP_ID)

GAP, MAX_CALLS, WINDOW = 0.3, 3, 2.0

#: Whether Redis runs as `deploy/` sets it up, and each process has the rights of its user there: `ACL=1 pytest …`.
ACL = bool(os.environ.get("ACL"))

#: A day of 2 seconds. A call's lease is `2 * connect_timeout + read_timeout + 2`: 3.6 s.
SETTINGS = {
    "min_interval": GAP,
    "max_calls": MAX_CALLS,
    "window": WINDOW,
    "window_guard": 0.05,
    "connect_timeout": 0.3,
    "read_timeout": 1,
    "calls_in_flight": 8,
    "backoff_base": 0.05,
    "backoff_max": 0.2,
    "suspect_run": 3,
    "breaker_cooldown": 1.5,
    "breaker_cooldown_max": 3,
    "templates_file": TEMPLATES,
}
_SANDBOX = ("--gap", str(GAP), "--max-calls", str(MAX_CALLS), "--window", str(WINDOW), "--templates", str(TEMPLATES))

_numbers = count(13_800_000_000)


def new_mobile() -> str:
    """A number that no other test calls."""
    return str(next(_numbers))


@dataclass
class Deployment:
    """One account on one Redis and one sandbox.

    `environment` is its workers', and but for the user of Redis its producers', `app` their module; `operator` is the
    ledger as a person at the terminal has it.
    """

    folder: Path
    redis: RedisServer
    sandbox: RunningSandbox
    environment: dict[str, str]
    app: str
    broker_url: str  #: as a producer reaches it
    operator: Ledger
    workers: list[Worker] = field(default_factory=list)

    # The processes.

    def start_worker(self, *options: str) -> Worker:
        """Start one more worker, with more `options` of Celery's, and wait until it sweeps."""
        name = f"w{len(self.workers) + 1}@tests"
        worker = Worker(name, self.environment, self.folder / f"{name}.log", self.app, options)
        self.workers.append(worker)
        started = eventually(lambda: not worker.running or name in self.operator.workers())
        assert started, f"{name} did not start"
        assert worker.running, worker.log.read_text(encoding="utf-8")
        return worker

    def kill_workers(self) -> None:
        """End all workers at once."""
        for worker in self.workers:
            worker.kill()

    def write_secret(self, secret: str) -> None:
        """Give the workers another secret of the account; they read the file again when it has changed."""
        fresh = self.folder / "secret.new"
        fresh.write_text(secret, encoding="utf-8")
        fresh.replace(self.folder / "secret")

    def reset(self) -> None:
        """Forget all notifications and all calls; the workers run on."""
        self.operator.resume()
        with self.redis.client() as client:
            found = [key for key in client.scan_iter(f"{keys.prefix(APP_ID)}*") if not key.endswith(keys.HEARTBEATS)]
            if found:
                client.delete(*found)
        self.write_secret(APP_SECRET)
        self.sandbox.ask("POST", "/reset")

    # The producer's side.

    def send(self, mobile: str, **options: Any) -> str:  # noqa: ANN401 - those of a Celery task
        """Submit a notification with the usual variables; its id."""
        id_: str = voice_notify.notify.apply_async((mobile, TEMPLATE, PARAMS), **options).id
        return id_

    def finished(self, id_: str) -> Record:
        """The notification, once it is in a final state."""
        ended = eventually(lambda: _has_ended(id_))
        assert ended, explain(id_)
        return explain(id_).record

    def all_finished(self, ids: Iterable[str]) -> list[Record]:
        """The notifications, once they all are in a final state."""
        return [self.finished(id_) for id_ in ids]

    def reaches(self, id_: str, state: State, reason: str) -> Explanation:
        """What is known of a notification, once it is in `state` for `reason`."""
        seen: list[Explanation] = []

        def there() -> bool:
            seen[:] = [explain(id_)]
            return (seen[0].record.state, seen[0].reason) == (state, reason)

        assert eventually(there), seen[0]
        return seen[0]

    # The judge's record.

    def calls(self, mobile: str) -> list[dict[str, Any]]:
        """The requests for a number that reached the sandbox, in order."""
        found: list[dict[str, Any]] = self.sandbox.get(f"/calls?mobile={mobile}")
        return found

    def called(self, mobile: str) -> None:
        """Wait until a request for a number has reached the sandbox."""
        assert eventually(lambda: bool(self.calls(mobile))), f"{mobile} was not called"

    def violations(self) -> list[dict[str, Any]]:
        """The requests that broke a window."""
        found: list[dict[str, Any]] = self.sandbox.get("/violations")
        return found

    def script(self, *rules: dict[str, Any], latency: float = 0) -> None:
        """Have the sandbox play faults, and reply `latency` seconds after each request's arrival."""
        status, reply = self.sandbox.ask("POST", "/faults", {"rules": rules, "latency": [latency, latency]})
        assert status == 200, reply

    def answer(self, mobile: str, *actions: int | str) -> None:
        """Have the sandbox do so with the next requests for a number."""
        self.script(*({"mobile": mobile, "action": action, "count": 1} for action in actions))

    def rule_account(self, code: int | None) -> None:
        """Have the sandbox answer every request with a code, or (None) let the account work again."""
        self.sandbox.ask("POST", "/account", {"answer": code})

    def change_secret(self, secret: str, *, keep_old: bool) -> None:
        """Have the sandbox take another secret, for now beside the present one or in its place."""
        status, reply = self.sandbox.ask("POST", "/secret", {"secret": secret, "keep_old": keep_old})
        assert status == 204, reply


def third_party_producer(broker_url: str) -> Celery:
    """An application without this package, which sends its tasks to the queue of this one."""
    producer = Celery("shop", broker=broker_url, set_as_current=False)
    producer.conf.task_default_queue = QUEUE
    producer.conf.task_default_queue_type = "quorum" if broker_url.startswith("amqp") else "classic"
    return producer


def _has_ended(id_: str) -> bool:
    try:
        return explain(id_).record.state.final
    except UnknownNotification:  # a third-party message that no worker has taken yet
        return False


@contextmanager
def deploy(
    folder: Path, *, broker_url: str = "", append_only: bool = False, app: str = APP, **settings: object
) -> Iterator[Deployment]:
    """Run a deployment, for now without workers. Without a `broker_url` its Redis is the broker too."""
    with ExitStack() as stack:
        users_of = APP_ID if ACL else ""
        redis = stack.enter_context(run_redis_server(folder, append_only=append_only, users_of=users_of))
        sandbox = stack.enter_context(run_sandbox("--no-magic-numbers", *_SANDBOX))
        addresses = {"redis_url": redis.url_of("worker"), "broker_url": broker_url, "base_url": sandbox.url}
        account = {"app_id": APP_ID, "app_secret_file": folder / "secret"}
        environment = _environment(SETTINGS | addresses | account | settings) | {"CRASHES": str(folder)}
        operator = connect(Settings(app_id=APP_ID, redis_url=SecretUrl(redis.url_of("operator"))))
        producers_broker = broker_url or redis.url_of("producer")
        deployment = Deployment(folder, redis, sandbox, environment, app, producers_broker, operator)
        deployment.write_secret(APP_SECRET)
        stack.enter_context(_produce_for(deployment))
        stack.callback(deployment.kill_workers)
        yield deployment
        if ACL:
            refused = redis.refusals()
            assert refused == [], refused


def _environment(settings: dict[str, object]) -> dict[str, str]:
    return without_settings() | {f"VOICE_NOTIFY_{name.upper()}": str(value) for name, value in settings.items()}


@contextmanager
def _produce_for(deployment: Deployment) -> Iterator[None]:
    """Make this process a producer of `deployment`, as if it had just started with that environment."""
    environment = deployment.environment | {"VOICE_NOTIFY_REDIS_URL": deployment.redis.url_of("producer")}
    with patch.dict(os.environ, environment, clear=True):
        _forget_connections()
        app.conf.update(configuration())
        if deployment.app == CRASHING_APP:
            ledger = current_account().ledger
            ledger.scripts = impatient(ledger.scripts)
        yield
    _forget_connections()


def _forget_connections() -> None:
    current_account.cache_clear()
    pools.reset()  # type: ignore[no-untyped-call]
    app.close()
    app.__dict__.pop("amqp", None)
