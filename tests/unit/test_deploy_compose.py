"""`deploy/compose.yaml`: valid, hardened, and every file, setting and command that it names is there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.manifests import (
    LONGEST_CALL,
    documents,
    made_secrets,
    no_settings,
    run_of_ours,
    unknown_words,
)
from tests.support.redis_server import DEPLOY

(COMPOSE,) = documents("compose.yaml")
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
WORKERS = ("worker", "sandbox-worker")
every_service = pytest.mark.parametrize("name", SERVICES)


def test_it_is_what_the_compose_specification_allows() -> None:
    """By the schema of the specification itself."""
    schema = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run([*schema, str(DEPLOY / "compose.yaml")], check=False, capture_output=True, text=True)  # noqa: S603
    assert done.returncode == 0, done.stdout


@every_service
def test_every_service_is_hardened(name: str) -> None:
    """Its root is read-only, it has no capability and can gain none, and it is started again."""
    service = SERVICES[name]
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["restart"] == ("no" if name == "operator" else "always")


@every_service
def test_every_service_is_asked_whether_it_lives(name: str) -> None:
    """By its own health check, or a worker by that of the image; a command that ends needs none."""
    assert ("healthcheck" in SERVICES[name]) == (name not in WORKERS)
    assert SERVICES[name].get("healthcheck", {}).get("disable", False) == (name == "operator")


@every_service
def test_every_file_that_is_mounted_exists(name: str) -> None:
    """Docker makes an empty folder of a missing one, and says nothing."""
    sources = [volume.partition(":")[0] for volume in SERVICES[name].get("volumes", [])]
    named = [source for source in sources if not source.startswith(".")]
    assert set(named) <= COMPOSE["volumes"].keys()
    files = [source for source in sources if source.startswith(".")]
    assert [file for file in files if not (DEPLOY / file).exists()] == []


@every_service
def test_only_the_loopback_interface_is_published(name: str) -> None:
    """Flower's metrics are open to all who reach it, with or without a password; Redis is published nowhere."""
    ports = SERVICES[name].get("ports", [])
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []
    assert not (ports and name in {"redis", "worker", "sandbox"})


def test_workers_can_be_scaled() -> None:
    """A fixed name or port would allow only one; its host name, and so the worker's name, is the container's own."""
    assert not {"container_name", "ports", "hostname"} & SERVICES["worker"].keys()


def test_nobody_is_called_who_was_not_asked_for() -> None:
    """Without a profile no worker starts, and those of the sandbox have no way to the provider."""
    assert SERVICES["worker"]["profiles"] == ["live"]
    assert SERVICES["sandbox-worker"]["profiles"] == SERVICES["sandbox"]["profiles"] == ["sandbox"]
    assert SERVICES["sandbox-worker"]["environment"]["VOICE_NOTIFY_BASE_URL"].startswith("http://127.0.0.1:")


@pytest.mark.parametrize("name", WORKERS)
def test_a_worker_has_time_to_finish_its_calls(name: str) -> None:
    """Docker kills it no sooner than its longest call can end."""
    assert SERVICES[name]["stop_grace_period"] == "1m"
    assert 2 * LONGEST_CALL < 60


@pytest.mark.parametrize("name", OURS)
def test_every_variable_is_a_setting(name: str) -> None:
    """An unknown one stops the start."""
    assert no_settings(list(OURS[name]["environment"])) == []


def test_secrets_are_files_that_the_script_makes(tmp_path: Path) -> None:
    """Every secret but the account's own is one of its files."""
    declared = {Path(secret["file"]).name for secret in COMPOSE["secrets"].values()}
    assert set(COMPOSE["secrets"]) == declared
    assert declared - made_secrets(tmp_path) == {"app-secret"}


@every_service
def test_a_service_has_the_secrets_that_it_reads_and_no_others(name: str) -> None:
    """Each path under /run/secrets is one that it is given."""
    service = SERVICES[name]
    read = set(re.findall(r"/run/secrets/([\w.-]+)", str({**service, "secrets": None})))
    assert read == set(service.get("secrets", []))


@pytest.mark.parametrize(
    ("name", "user"),
    [
        ("worker", "worker"),
        ("sandbox-worker", "worker"),
        ("flower", "flower"),
        ("metrics", "metrics"),
        ("operator", "operator"),
    ],
)
def test_each_service_is_its_own_user_of_redis(name: str, user: str) -> None:
    """None has the rights of another."""
    assert OURS[name]["environment"]["VOICE_NOTIFY_REDIS_URL_FILE"] == f"/run/secrets/redis-url-{user}"


def test_only_who_calls_has_the_secret_of_the_account() -> None:
    """Workers, the sandbox that checks it, and the doctor, who says whether it is there."""
    holders = {name for name, service in SERVICES.items() if "app-secret" in service.get("secrets", [])}
    assert holders == {"worker", "sandbox", "sandbox-worker", "operator"}


@pytest.mark.parametrize(("name", "command"), [("sandbox", "sandbox"), ("metrics", "metrics"), ("operator", "doctor")])
def test_what_a_service_runs_exists(name: str, command: str) -> None:
    """It is a command of ours, and has these options."""
    run = run_of_ours([*OURS[name].get("entrypoint", []), *OURS[name]["command"]])
    assert run[0] == command
    assert unknown_words(run) == []
