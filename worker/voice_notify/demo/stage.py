"""What the demo runs on: Redis, the sandbox and a Celery worker, with settings of their own, all on the loopback."""

from __future__ import annotations

import json
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
from voice_notify.demo.sandbox_client import SandboxClient
from voice_notify.demo.servers import Process, RedisProgram, RunningRedis, find_redis, run_process, run_redis
from voice_notify.errors import VoiceNotifyError

GAP = 1.0  #: seconds
DAY = 12.0  #: seconds
MAX_CALLS = 5

#: The settings that differ from the defaults, addresses aside, each with what it is: seconds in place of a day.
SHRUNK = {
    "min_interval": (GAP, "from one call to a number to the next"),
    "window": (DAY, f"in which a number is called {MAX_CALLS} times at most"),
    "window_guard": (0.2, "added to both, as its clock is not ours"),
    "read_timeout": (3.0, "until no reply counts as an unknown outcome"),
    "backoff_base": (0.5, "the first wait after a refusal for the moment"),
    "backoff_max": (2.0, "the longest such wait"),
}

DELIVERY, ALERT, CHECKUP = "453662", "453701", "453715"
TEMPLATES = {
    DELIVERY: "{1}您好，您的快递已送达{2}，请凭取件码及时领取。如已取件，请忽略本次来电。",
    ALERT: "运维告警：{1}发生{2}，开始时间{3}，请值班人员立即登录监控平台处理。",
    CHECKUP: "您好，您预约的体检将于明天上午进行，请空腹并携带有效身份证件，按时到达体检中心。",
}

_ACCOUNT = {"app_id": "demo", "app_secret": "demo-secret"}
_PATIENCE_SECONDS = 60.0
_POLL_SECONDS = 0.1
_LISTENING = re.compile(r"^sandbox listening on (http://127\.0\.0\.1:(\d+)/\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Stage:
    """All that runs."""

    folder: Path  #: where all of it writes, until the end
    redis: RedisProgram
    sandbox: SandboxClient
    processes: tuple[Process, ...]

    def polls(self, what: str) -> Iterator[None]:
        """Yield once for each look at whether `what` is so; raise if a process has ended, or at the end of patience."""
        until = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < until:
            for process in self.processes:
                process.check()
            yield
            time.sleep(_POLL_SECONDS)
        raise VoiceNotifyError(f"waited {_PATIENCE_SECONDS:g} s in vain: {what}")


@contextmanager
def set_stage() -> Iterator[Stage]:
    """Start everything; end it and remove what it wrote when the block is left."""
    program = find_redis()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="voice-notify-demo-")))
        config = folder / "voice-notify.toml"
        _take_own_environment(config)
        (folder / "templates.toml").write_text(_templates_file(), encoding="utf-8")
        redis = stack.enter_context(run_redis(program, folder))
        sandbox, base_url, port = stack.enter_context(_run_sandbox(folder))
        config.write_text(_settings_file(redis, base_url), encoding="utf-8")
        worker = stack.enter_context(_run_worker(folder))
        try:
            yield Stage(folder, program, SandboxClient(port), (redis.process, sandbox, worker))
        except KeyboardInterrupt:
            print_text("\nEnding what was started …")
            raise


def _take_own_environment(config: Path) -> None:
    """Let neither the caller's settings nor its real account reach the demo, or what it starts."""
    if current_account.cache_info().currsize:
        raise VoiceNotifyError("the demo needs a process of its own: this one has read its settings already")
    for name in list(os.environ):
        if name.upper().startswith(("VOICE_NOTIFY_", "CELERY_")):
            del os.environ[name]
    os.environ["VOICE_NOTIFY_CONFIG"] = str(config)


def _settings_file(redis: RunningRedis, base_url: str) -> str:
    shrunk = {name: value for name, (value, _) in SHRUNK.items()}
    settings = {**_ACCOUNT, "base_url": base_url, "redis_url": redis.url, **shrunk}
    return "".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items())


def _templates_file() -> str:
    return "".join(f'[templates.{id_}]\ntext = "{text}"\n' for id_, text in TEMPLATES.items())


@contextmanager
def _run_sandbox(folder: Path) -> Iterator[tuple[Process, str, int]]:
    options = {
        "port": 0,
        "app-id": _ACCOUNT["app_id"],
        "app-secret": _ACCOUNT["app_secret"],
        "gap": GAP,
        "max-calls": MAX_CALLS,
        "window": DAY,
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
