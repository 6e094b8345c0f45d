"""The services of the demo: Redis, the sandbox and a Celery worker, all on the loopback, with settings of their own."""

from __future__ import annotations

import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from voice_notify.accounts import current_account
from voice_notify.cli.rendering.output import print_text
from voice_notify.demo.configuration import (
    APP_ID,
    APP_SECRET,
    DAY_S,
    GAP_S,
    MAX_CALLS,
    write_settings,
    write_templates,
)
from voice_notify.demo.processes import Process, run_process
from voice_notify.demo.redis_server import RedisProgram, find_redis_program, run_redis
from voice_notify.demo.sandbox_client import SandboxClient
from voice_notify.errors import VoiceNotifyError

_POLL_TIMEOUT_S = 60.0
_POLL_INTERVAL_S = 0.1
_LISTENING = re.compile(r"^sandbox listening on (http://127\.0\.0\.1:(\d+)/\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that runs."""

    folder: Path  #: where all of it writes; removed at the end
    redis: RedisProgram
    sandbox: SandboxClient
    processes: tuple[Process, ...]

    def poll(self, what: str) -> Iterator[None]:
        """Yield at short intervals, for the caller to look whether `what` has come true, and to leave the loop then.

        Raises `VoiceNotifyError` if a process has ended, or if the loop goes on for too long.
        """
        until = time.monotonic() + _POLL_TIMEOUT_S
        while time.monotonic() < until:
            for process in self.processes:
                process.check()
            yield
            time.sleep(_POLL_INTERVAL_S)
        raise VoiceNotifyError(f"waited {_POLL_TIMEOUT_S:g} s in vain: {what}")


@contextmanager
def run_services() -> Iterator[Services]:
    """Start everything. When the block is left, stop it and remove what it wrote."""
    program = find_redis_program()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="voice-notify-demo-")))
        settings = folder / "voice-notify.toml"
        _isolate_environment(settings)
        write_templates(folder / "templates.toml")
        redis = stack.enter_context(run_redis(program, folder))
        sandbox, base_url, port = stack.enter_context(_run_sandbox(folder))
        write_settings(settings, base_url=base_url, redis_url=redis.url)
        worker = stack.enter_context(_run_worker(folder))
        try:
            yield Services(folder, program, SandboxClient(port), (redis.process, sandbox, worker))
        except KeyboardInterrupt:
            print_text("\nStopping what was started …")
            raise


def _isolate_environment(settings: Path) -> None:
    """Keep the caller's settings, and with them a real account, from the demo and all that it starts."""
    if current_account.cache_info().currsize:
        raise VoiceNotifyError("the demo needs a process of its own: this one has read its settings already")
    for name in list(os.environ):
        if name.upper().startswith(("VOICE_NOTIFY_", "CELERY_")):
            del os.environ[name]
    os.environ["VOICE_NOTIFY_CONFIG"] = str(settings)


@contextmanager
def _run_sandbox(folder: Path) -> Iterator[tuple[Process, str, int]]:
    options = {
        "port": 0,
        "app-id": APP_ID,
        "app-secret": APP_SECRET,
        "gap": GAP_S,
        "max-calls": MAX_CALLS,
        "window": DAY_S,
        "templates": folder / "templates.toml",
    }
    arguments = [f"--{name}={value}" for name, value in options.items()]
    command = [sys.executable, "-m", "voice_notify.sandbox", *arguments]
    with run_process("the sandbox", command, folder / "sandbox.log") as process:
        process.wait_until(lambda: bool(_LISTENING.search(process.output())))
        [(url, port)] = _LISTENING.findall(process.output())
        yield process, url, int(port)


@contextmanager
def _run_worker(folder: Path) -> Iterator[Process]:
    options = ["-c", "2", "--without-gossip", "--without-mingle", "--loglevel", "INFO"]
    command = [sys.executable, "-m", "celery", "-A", "voice_notify", "worker", *options]
    with run_process("the worker", command, folder / "worker.log") as process:
        process.wait_until(lambda: bool(current_account().ledger.workers()))
        yield process
