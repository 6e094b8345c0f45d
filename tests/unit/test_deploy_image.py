"""`deploy/Dockerfile` and `.dockerignore`: what goes into the image, and as whom it runs.

There is no Docker here; `tests/deploy/test_image.py` runs what the Dockerfile runs, without it (`make slow`).
"""

from __future__ import annotations

import re

from tests.support.dockerfile import Stage, command, stages
from tests.support.worker import ROOT


def copied(stage: Stage) -> list[str]:
    """What a stage takes from the project's folder."""
    return [name for arguments in stage.all("COPY") if "--from" not in arguments for name in arguments.split()[:-1]]


def test_what_builds_the_wheel_is_left_behind() -> None:
    """What builds the wheel is left behind: the second stage takes the environment from the first, and adds a spool."""
    build, runtime = stages()
    assert build.name == "build"
    assert copied(runtime) == []
    assert runtime.all("COPY") == ["--from=build /opt/voice-notify /opt/voice-notify"]
    assert runtime.all("RUN") == ["install --directory --owner=10001 --group=10001 --mode=0700 /var/lib/voice-notify"]


def test_everything_that_is_copied_exists_and_is_not_ignored() -> None:
    """`.dockerignore` lets through what the Dockerfile copies, and nothing else."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    wanted = copied(stages()[0])
    assert {rule.removeprefix("!") for rule in rules if rule.startswith("!")} == set(wanted)
    assert [name for name in wanted if not (ROOT / name).exists()] == []


def test_it_runs_as_nobody_in_particular() -> None:
    """A number that is not root's: Kubernetes can check it, and no file of the host belongs to it by chance."""
    user, _, group = stages()[-1].one("USER").partition(":")
    assert int(user) >= 10_000
    assert int(group) >= 10_000


def test_no_secret_is_baked_in() -> None:
    """Neither an argument nor the environment of the image sets anything of an account."""
    text = " ".join(arguments for stage in stages() for _, arguments in stage.steps)
    assert "VOICE_NOTIFY_" not in text
    assert not re.search(r"(?i)secret|password", text)


def test_its_commands_need_no_shell() -> None:
    """SIGTERM reaches the worker itself, not a shell that does not hand it on."""
    runtime = stages()[-1]
    assert command(runtime.one("CMD"))[:4] == ["celery", "-A", "voice_notify", "worker"]
    assert command(runtime.one("HEALTHCHECK")) == ["voice-notify", "health"]
