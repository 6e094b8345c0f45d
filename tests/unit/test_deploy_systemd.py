"""The units of `deploy/systemd`: systemd takes them, they are hardened, and what they name is there."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.manifests import LONGEST_CALL, made_secrets, no_settings, run_of_ours, unknown_words
from tests.support.redis_server import DEPLOY

UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
PROGRAMS = "/opt/voice-notify/bin/"
every_unit = pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)


def settings_of(unit: Path, name: str) -> list[str]:
    """The values of a setting of a unit, in order; an empty one takes back those before it."""
    text = unit.read_text(encoding="utf-8").replace("\\\n", " ")
    return re.findall(rf"^{name}=(.*)$", text, re.MULTILINE)


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    """What `systemd-analyze` says."""
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("no systemd-analyze: it is in Debian's package systemd")
    return subprocess.run([program, *arguments], check=False, capture_output=True, text=True)  # noqa: S603


@every_unit
def test_systemd_takes_it(unit: Path, tmp_path: Path) -> None:
    """Without a complaint, where the programs that it starts are installed."""
    text = unit.read_text(encoding="utf-8").replace(PROGRAMS, f"{tmp_path}/")
    for program in ("celery", "voice-notify"):
        (tmp_path / program).touch(mode=0o755)
    copy = tmp_path / unit.name.replace("@.", "@1.")
    copy.write_text(text, encoding="utf-8")
    done = analyze("verify", "--man=no", str(copy))
    assert (done.returncode, done.stderr) == (0, "")


@every_unit
def test_it_is_hardened(unit: Path) -> None:
    """At most 1.5 of 10 by systemd's own measure of exposure; a usual service has 9."""
    done = analyze("security", "--offline=true", "--threshold=15", str(unit))
    assert done.returncode == 0, done.stdout


@every_unit
def test_it_writes_no_core_dump(unit: Path) -> None:
    """It would hold numbers, texts and the secret."""
    assert settings_of(unit, "LimitCORE") == ["0"]


@every_unit
def test_it_is_started_again_however_often_it_ends(unit: Path) -> None:
    """However often it has ended, as an outage may take long."""
    assert settings_of(unit, "Restart") == ["always"]
    assert settings_of(unit, "StartLimitIntervalSec") == ["0"]


def test_a_worker_has_time_to_finish_its_calls() -> None:
    """SIGTERM goes to the main process alone, which lets the calls end; SIGKILL comes long after that."""
    (worker,) = (unit for unit in UNITS if unit.name == "voice-notify-worker@.service")
    assert settings_of(worker, "KillMode") == ["mixed"]
    (seconds,) = settings_of(worker, "TimeoutStopSec")
    assert int(seconds) > 2 * LONGEST_CALL


@every_unit
def test_every_variable_is_a_setting(unit: Path) -> None:
    """An unknown one stops the start."""
    names = [pair.partition("=")[0] for line in settings_of(unit, "Environment") for pair in line.split()]
    assert [name for name in names if name.startswith("VOICE_NOTIFY_")] != []
    assert no_settings(names) == []


def test_what_the_exporter_runs_exists() -> None:
    """It is a command of ours, and has these options."""
    (metrics,) = (unit for unit in UNITS if unit.name == "voice-notify-metrics.service")
    run = run_of_ours(settings_of(metrics, "ExecStart"))
    assert (run[0], unknown_words(run)) == ("metrics", [])


@every_unit
def test_every_credential_is_used_and_can_be_made(unit: Path, tmp_path: Path) -> None:
    """What it loads it reads, and `make-secrets.sh` makes all but the account's own secret."""
    credentials = dict(line.split(":") for line in settings_of(unit, "LoadCredential"))
    text = unit.read_text(encoding="utf-8")
    assert set(re.findall(r"(?:%d|\$CREDENTIALS_DIRECTORY)/([\w-]+)", text)) == credentials.keys()
    assert {Path(path).parent for path in credentials.values()} == {Path("/etc/voice-notify/secrets")}
    assert {Path(path).name for path in credentials.values()} - made_secrets(tmp_path) <= {"app-secret"}
