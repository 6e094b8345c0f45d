"""What `deploy/Dockerfile` does, done without Docker: its RUN steps make the wheel and a bare environment.

`make slow` runs it: it installs everything from the package index.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.dockerfile import command, stages
from tests.support.redis_server import RedisServer
from tests.support.sandbox import eventually
from tests.support.worker import ROOT, STOP_SECONDS

pytestmark = pytest.mark.timeout(600)


@dataclass
class Image:
    """The environment that the image would have, and an empty folder to run in."""

    programs: Path
    folder: Path
    environment: dict[str, str]

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a program of the image to its end."""
        return subprocess.run(  # noqa: S603 - what was built above
            [self.programs / words[0], *words[1:]],
            env=self.environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    """The RUN steps of the first stage, in folders of the test's own."""
    made, source = tmp_path_factory.mktemp("opt") / "voice-notify", tmp_path_factory.mktemp("src")
    build = stages()[0]
    for name in [name for arguments in build.all("COPY") for name in arguments.split()[:-1]]:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        else:
            shutil.copy(ROOT / name, source / name)
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("VOICE_NOTIFY_", "PYTHON"))}
    python = str(Path(sys.executable).parent)
    for step in build.all("RUN"):
        words = (
            step.partition("/root/.cache/pip ")[2].replace("/opt/voice-notify", str(made)).replace("/src", str(source))
        )
        environment = bare | {"PATH": f"{python}:{bare['PATH']}"}
        subprocess.run(["/bin/sh", "-ec", words], env=environment, cwd=source, check=True)  # noqa: S603 - of the Dockerfile
    folder = tmp_path_factory.mktemp("empty")
    environment = bare | {"PATH": f"{made}/bin:/usr/bin:/bin", "HOME": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    environment |= {"VOICE_NOTIFY_APP_ID": "image", "VOICE_NOTIFY_APP_SECRET": "a-secret-of-tests"}
    yield Image(made / "bin", folder, environment)
    assert list(folder.iterdir()) == [], "something was written, which a read-only root would not take"


def test_its_commands_run(image: Image) -> None:
    """Installed without what is for development, from an empty folder, every command loads what it needs."""
    assert image.run("voice-notify", "--version").stdout.startswith("voice-notify, version ")
    assert "voice_notify" in image.run("celery", "-A", "voice_notify", "report").stdout
    assert image.run("celery", "-A", "voice_notify", "flower", "--help").returncode == 0
    assert image.run("voice-notify", "sandbox", "--help").returncode == 0
    packages = image.run("pip", "list").stdout
    assert "pytest" not in packages
    assert "fakeredis" not in packages


def test_its_worker_becomes_healthy_and_stops(image: Image, redis_server: RedisServer) -> None:
    """The image's own command, asked by the image's own health check, ended as Docker ends it."""
    image.environment["VOICE_NOTIFY_REDIS_URL"] = redis_server.url
    runtime = stages()[-1]
    check = command(runtime.one("HEALTHCHECK"))
    assert image.run(*check).returncode == 1
    words = command(runtime.one("CMD"))
    with (
        subprocess.Popen(  # noqa: S603 - what was built above
            [image.programs / words[0], *words[1:]], env=image.environment, cwd=image.folder, stderr=subprocess.DEVNULL
        ) as worker
    ):
        try:
            assert eventually(lambda: image.run(*check).returncode == 0)
        finally:
            worker.terminate()
            assert worker.wait(STOP_SECONDS) == 0
