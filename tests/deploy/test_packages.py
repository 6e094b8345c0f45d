"""What `make build` makes: its contents, and what an application gets of it in a bare environment, without extras.

`make slow` runs it: it installs everything from the package index.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest

import voice_notify
from tests.support.readme import ENGLISH, blocks
from tests.support.redis_server import RedisServer
from tests.support.worker import ROOT
from voice_notify.domain.states import State
from voice_notify.ledger.connect import connect
from voice_notify.settings import SecretUrl, Settings

pytestmark = pytest.mark.timeout(600)
APP_ID = "packages"
#: Of the extra `worker`, by the names in the index.
OF_WORKERS = {"requests", "urllib3", "httptools", "rich", "prometheus_client", "certifi", "charset-normalizer"}


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the programs of `make build` make, in a folder of the test's own: the wheel is made from the sdist."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "build", "--outdir", folder, ROOT], check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - ours
    return folder


def the(dist: Path, pattern: str) -> Path:
    """The only file of this pattern."""
    (found,) = dist.glob(pattern)
    return found


class Application:
    """A bare environment with the wheel in it, as an application has it."""

    def __init__(self, folder: Path, wheel: Path, redis_url: str) -> None:
        self._folder = folder
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        self._environment |= {"VOICE_NOTIFY_APP_ID": APP_ID, "VOICE_NOTIFY_REDIS_URL": redis_url}
        self._environment |= {"VOICE_NOTIFY_APP_SECRET": "a-secret-of-tests", "TERM": "dumb"}
        venv.create(folder / "venv", with_pip=True)
        installed = self.run("pip", "install", "--quiet", str(wheel))
        assert installed.returncode == 0, installed.stderr

    def run(self, program: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Run one of its programs in its folder."""
        return subprocess.run(  # noqa: S603 - what was installed above
            [self._folder / "venv" / "bin" / program, *words],
            env=self._environment,
            cwd=self._folder,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="module")
def application(dist: Path, tmp_path_factory: pytest.TempPathFactory, redis_server: RedisServer) -> Application:
    """One that has `pip install voice-notify` and nothing else."""
    return Application(tmp_path_factory.mktemp("application"), the(dist, "*.whl"), redis_server.url)


def test_an_index_would_take_them(dist: Path) -> None:
    """By `twine check --strict`."""
    command = [sys.executable, "-m", "twine", "check", "--strict", *map(str, dist.iterdir())]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    assert checked.returncode == 0, checked.stdout
    assert checked.stdout.count("PASSED") == 2


def test_the_wheel_has_the_package_and_nothing_else(dist: Path) -> None:
    """Every file of it that is in the repository: `py.typed` and the scripts too."""
    package = ROOT / "worker" / "voice_notify"
    here = {
        str(Path("voice_notify", path.relative_to(package)))
        for path in package.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert {"voice_notify/py.typed", "voice_notify/ledger/lua/submit.lua"} <= here
    with ZipFile(the(dist, "*.whl")) as wheel:
        assert {name for name in wheel.namelist() if ".dist-info/" not in name} == here


def test_the_sdist_has_what_the_wheel_is_made_of(dist: Path) -> None:
    """And what people read; no test, no deployment, no file that is not in the repository."""
    name = f"voice_notify-{voice_notify.__version__}"
    documents = {"README.md", "README.zh-CN.md", "CHANGELOG.md", "SECURITY.md", "LICENSE"}
    with tarfile.open(the(dist, "*.tar.gz")) as sdist:
        names = {Path(member).relative_to(name).parts[0] for member in sdist.getnames()}
    assert names == documents | {"worker", "pyproject.toml", "PKG-INFO", ".gitignore"}


def test_an_application_needs_no_extra(application: Application, redis_server: RedisServer) -> None:
    """The first example of the README submits, without any library of a worker."""
    listed = {line.split()[0] for line in application.run("pip", "list").stdout.splitlines()}
    assert "celery" in listed
    assert listed & OF_WORKERS == set()
    example = next(block.text for block in blocks(ENGLISH) if block.language == "python")
    done = application.run("python", "-W", "error", "-c", f"{example}\nprint(r.id, r.eta, r.state)")
    assert done.returncode == 0, done.stderr
    ledger = connect(Settings(app_id=APP_ID, redis_url=SecretUrl(redis_server.url)))
    assert ledger.record(done.stdout.split()[0]).state is State.WAITING


@pytest.mark.parametrize(
    ("program", "words", "extra"),
    [
        ("celery", ("-A", "voice_notify", "worker"), "worker"),
        ("voice-notify", ("status", "5f1e"), "worker"),
        ("voice-notify", ("doctor",), "worker"),
        ("voice-notify", ("metrics",), "worker"),
        ("voice-notify", ("send", "13800138000", "453662"), "worker"),
        ("voice-notify", ("sandbox",), "sandbox"),
        ("voice-notify", ("demo",), "demo"),
    ],
)
def test_what_needs_an_extra_says_which(
    application: Application, program: str, words: tuple[str, ...], extra: str
) -> None:
    """In one line."""
    done = application.run(program, *words)
    assert done.returncode == 1
    assert done.stderr.endswith(f" is not installed: pip install 'voice-notify[{extra}]'\n")
    assert done.stderr.count("\n") == 1, done.stderr


def test_the_commands_are_listed_without_an_extra(application: Application) -> None:
    """For whoever looks what there is."""
    assert "Withdraw notifications." in application.run("voice-notify", "--help").stdout
