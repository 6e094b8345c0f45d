"""What the demo runs on: child processes, and a Redis server even where none is installed."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path

import pytest
import redis

from voice_notify.demo import processes, redis_server
from voice_notify.demo.processes import Process, ProcessFailed, run_process
from voice_notify.demo.redis_server import RedisProgram, find_redis_program, run_redis

DEAF_TO_SIGTERM = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
time.sleep(60)
"""


def python(script: str) -> list[str]:
    return [sys.executable, "-c", script]


def test_a_process_that_ends_too_early_shows_the_end_of_its_log(tmp_path: Path) -> None:
    """The message has the status and the last lines, which say why."""
    script = "import sys; [print(line, flush=True) for line in range(100)]; sys.exit('no port')"
    with (
        run_process("the server", python(script), tmp_path / "log") as process,
        pytest.raises(ProcessFailed) as failed,
    ):
        process.wait_until(lambda: False)
    first, *lines = str(failed.value).splitlines()
    assert first == "the server ended with status 1; the end of its log:"
    assert "no port" in lines
    assert "99" in lines
    assert "0" not in lines


def test_a_process_that_is_not_ready_in_time_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if it is still running."""
    monkeypatch.setattr(processes, "_START_TIMEOUT_S", 0.1)
    with (
        run_process("the server", python("import time; time.sleep(60)"), tmp_path / "log") as process,
        pytest.raises(ProcessFailed, match=r"the server was not ready after 0\.1 s"),
    ):
        process.wait_until(lambda: False)


def test_a_process_that_ignores_sigterm_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo leaves nothing behind."""
    monkeypatch.setattr(processes, "_STOP_TIMEOUT_S", 0.1)
    process = Process("the server", python(DEAF_TO_SIGTERM), tmp_path / "log")
    process.wait_until(lambda: "deaf" in process.output())
    began = time.monotonic()
    process.stop()
    assert 0.1 <= time.monotonic() - began < 30
    with pytest.raises(ProcessFailed, match="ended with status -9"):
        process.check()


def test_without_a_server_on_the_machine_fakeredis_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither on the path nor in a wheel: then the last resort."""
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr(redis_server, "find_spec", lambda _: None)
    assert find_redis_program() == RedisProgram(None)


def test_fakeredis_answers_what_follows_an_error(tmp_path: Path) -> None:
    """An error in a pipeline is one reply of several, as with a real server; the connection stays open."""
    with run_redis(RedisProgram(None), tmp_path) as running, redis.Redis.from_url(running.url) as client:
        pipeline = client.pipeline(transaction=False)
        pipeline.set("text", "not a number").incr("text").get("text")
        stored, refusal, text = pipeline.execute(raise_on_error=False)
        assert (stored, text) == (True, b"not a number")
        assert isinstance(refusal, redis.ResponseError)
