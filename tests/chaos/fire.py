"""The run itself: everything is started, killed by plan, started again, and waited for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.chaos.plan import GAP, MAX_CALLS, WINDOW, Plan
from tests.support.interpreter import without_settings
from tests.support.redis_server import NO_REDIS, RedisServer, find_server
from tests.support.sandbox import APP_ID, APP_SECRET, RunningSandbox, eventually, run_sandbox
from tests.support.worker import ROOT, Worker
from voice_notify.domain.states import State
from voice_notify.errors import StoreUnavailable
from voice_notify.ledger.connect import connect
from voice_notify.ledger.ledger import Ledger
from voice_notify.settings import SecretUrl, Settings

Say = Callable[[str], None]


@dataclass
class Scene:
    """All processes of a run."""

    plan: Plan
    folder: Path
    redis: RedisServer
    sandbox: RunningSandbox
    ledger: Ledger
    environment: Mapping[str, str]
    workers: list[Worker] = field(default_factory=list)
    producers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    started: int = 0

    def start_worker(self, number: int) -> Worker:
        """One worker, with a log of its own."""
        self.started += 1  # two of one number run side by side while one takes over from the other
        name, log = f"w{number}-{self.started}@chaos", self.folder / f"worker-{number}.log"
        return Worker(name, self.environment, log, "voice_notify")

    def start_producer(self, share: int) -> subprocess.Popen[bytes]:
        """One producer, which appends to the replies that it got before."""
        command = [
            sys.executable,
            "-m",
            "tests.chaos.producer",
            str(share),
            str(self.replies(share)),
            self.plan.to_json(),
        ]
        return subprocess.Popen(command, env=dict(self.environment), cwd=ROOT)  # noqa: S603 - ours

    def end(self) -> None:
        """Leave no process behind."""
        for worker in self.workers:
            worker.kill()
        for producer in self.producers:
            producer.kill()

    def replies(self, share: int) -> Path:
        """Where a producer writes down the replies that it gets."""
        return self.folder / f"replies-{share}"


@contextmanager
def scene(plan: Plan, broker_url: str | None) -> Iterator[Scene]:
    """Redis on an append-only file, the sandbox with its faults, workers and producers; all ended at the end."""
    binary = find_server()
    if binary is None:
        raise SystemExit(NO_REDIS)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chaos-")))
        redis = RedisServer(binary, folder, append_only=True)
        redis.start()
        stack.callback(redis.kill)
        windows = ("--gap", str(GAP), "--max-calls", str(MAX_CALLS), "--window", str(WINDOW))
        sandbox = stack.enter_context(run_sandbox(*windows, "--no-magic-numbers", "--faults", plan.fault_script()))
        environment = {
            **without_settings(),
            **plan.settings(),
            "VOICE_NOTIFY_APP_ID": APP_ID,
            "VOICE_NOTIFY_APP_SECRET": APP_SECRET,
            "VOICE_NOTIFY_BASE_URL": sandbox.url,
            "VOICE_NOTIFY_REDIS_URL": redis.url,
            **({"VOICE_NOTIFY_BROKER_URL": broker_url} if broker_url else {}),
        }
        ledger = connect(Settings(app_id=APP_ID, redis_url=SecretUrl(redis.url)))
        made = Scene(plan, folder, redis, sandbox, ledger, environment)
        stack.callback(made.end)
        made.workers = [made.start_worker(number) for number in range(plan.workers)]
        made.producers = [made.start_producer(share) for share in range(plan.producers)]
        yield made


def run(made: Scene, say: Say) -> None:
    """Kill by plan, then wait until every notification has ended, or nothing moves any more."""
    random = Random(made.plan.seed)  # noqa: S311 - repeatable on purpose
    plan, began = made.plan, time.monotonic()
    deeds = (
        [_kill_worker] * plan.worker_kills
        + [_kill_redis] * plan.redis_kills
        + [_kill_producer] * plan.producer_kills
        + [_restart_workers] * plan.rolling_restarts
    )
    random.shuffle(deeds)
    for number, deed in enumerate(deeds, 1):
        time.sleep(max(0.0, began + plan.seconds * number / (len(deeds) + 1) - time.monotonic()))
        say(f"{time.monotonic() - began:6.1f} s  {deed(made, random)}")
    for producer in made.producers:
        if producer.wait(timeout=300) != 0:
            raise RuntimeError("a producer failed")
    _wait_until_ended(made, say)


def _kill_worker(made: Scene, random: Random) -> str:
    number = random.randrange(len(made.workers))
    worker = made.workers[number]
    children = worker.children() if worker.running else []
    if children and random.random() < 0.3:
        try:
            os.kill(random.choice(children), 9)
        except ProcessLookupError:
            return f"a process of worker {number} was gone"
        return f"killed one process of worker {number}"
    worker.kill()
    made.workers[number] = made.start_worker(number)
    return f"killed worker {number} and started another"


def _restart_workers(made: Scene, random: Random) -> str:
    """As an upgrade does it: each worker in turn, its successor before or after it."""
    before = random.random() < 0.5
    for number, worker in enumerate(made.workers):
        successor = made.start_worker(number) if before else None
        if successor and not eventually(lambda name=successor.name: name in made.ledger.workers()):  # type: ignore[misc]
            raise RuntimeError(f"{successor.name} did not start")
        status = worker.stop()
        if status not in (0, -signal.SIGTERM):  # the latter where it had not yet begun to listen to signals
            raise RuntimeError(f"{worker.name} ended with status {status}")
        made.workers[number] = successor or made.start_worker(number)
    return f"restarted all workers, each successor {'before' if before else 'after'} the end of the one before"


def _kill_redis(made: Scene, random: Random) -> str:
    made.redis.kill()
    time.sleep(random.uniform(0, 1))
    made.redis.start()
    return "killed Redis and started it on its append-only file"


def _kill_producer(made: Scene, random: Random) -> str:
    share = random.randrange(len(made.producers))
    made.producers[share].kill()
    made.producers[share].wait()
    made.producers[share] = made.start_producer(share)
    return f"killed producer {share} and started another"


def _wait_until_ended(made: Scene, say: Say) -> None:
    open_, since = -1, time.monotonic()
    while time.monotonic() - since < 60:
        try:
            counts = made.ledger.counts()
        except StoreUnavailable:
            continue
        now_open = counts[State.WAITING] + counts[State.CALLING]
        if now_open == 0:
            return
        if now_open != open_:
            open_, since = now_open, time.monotonic()
            say(f"          {open_} open")
        time.sleep(1)
