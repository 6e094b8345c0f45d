"""The versions that `pyproject.toml` allows, and the matrix that tries them."""

from __future__ import annotations

import ast
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from click.testing import CliRunner
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.matrix import interpreters, servers
from tests.matrix.__main__ import main
from tests.matrix.combinations import Combination, every, parse
from tests.matrix.packages import NotToBeHad
from tests.support.redis_server import find_server
from tests.support.worker import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
REQUIREMENTS = [
    requirement
    for text in [*PROJECT["dependencies"], *(text for extra in EXTRAS.values() for text in extra)]
    if (requirement := Requirement(text)).name != PROJECT["name"]
]
OF_A_SERVER = ["tests/unit/test_deploy_redis.py", "-k", "not fakeredis and not test_mutations"]
#: Imported, and bound by the library that they are a part of.
PARTS = {"pydantic-core": "pydantic", "tornado": "flower"}


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=str)
def test_each_requirement_has_both_ends(requirement: Requirement) -> None:
    """Each range has a lowest version, which the matrix installs, and an end, but for the list of authorities."""
    ends = [">="] if requirement.name == "certifi" else ["<", ">="]
    assert sorted(specifier.operator for specifier in requirement.specifier) == ends


def test_what_is_imported_is_required() -> None:
    """Whatever the package imports is a requirement of its own, not one that another happens to bring."""
    imported = {
        name.partition(".")[0]
        for path in (ROOT / "worker").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for name in _imports(node)
    }
    distributions = packages_distributions()
    foreign = imported - set(sys.stdlib_module_names) - {"voice_notify"}
    required = {canonicalize_name(requirement.name) for requirement in REQUIREMENTS}
    strangers = {}
    for name in foreign:
        brought_by = {canonicalize_name(found) for found in distributions[name]}
        if not required & {PARTS.get(found, found) for found in brought_by}:
            strangers[name] = brought_by
    assert strangers == {}


def _imports(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and node.module else []


def test_the_combinations() -> None:
    """Both ends of the ranges on each Python that the package names, and each server."""
    libraries = [f"{end}-{version}" for version in ("3.11", "3.12", "3.13") for end in ("lowest", "newest")]
    assert [combination.name for combination in every()] == [*libraries, *servers.NAMES]


@pytest.mark.parametrize(
    ("text", "folders", "options"),
    [
        ("lowest-3.11", ("unit", "contract"), []),
        ("newest-3.13:unit", ("unit",), []),
        ("newest-3.13:unit,acceptance/test_django.py", ("unit", "acceptance/test_django.py"), []),
        ("valkey-9", ("contract", "acceptance"), OF_A_SERVER),
        ("redis-6.2:contract", ("contract",), OF_A_SERVER),
    ],
)
def test_a_combination_by_its_name(text: str, folders: tuple[str, ...], options: list[str]) -> None:
    """The usual tests, or those that follow the name; with a server only what it has a part in."""
    combination = parse(text)
    assert combination.folders == folders
    assert combination.pytest_options() == [*(f"tests/{name}" for name in folders), "-m", "not rabbitmq", *options]


@pytest.mark.parametrize(
    "text", ["redis-5", "lowest", "lowest-3.11:chaos", "valkey-9:contract,", "lowest-3.11:unit/test_none.py"]
)
def test_a_combination_that_there_is_not(text: str) -> None:
    """A wrong name, or tests of a folder that the matrix does not run, is refused before anything is run."""
    asked = CliRunner().invoke(main, [text])
    assert asked.exit_code == 2
    assert "must be" in asked.output


def _program(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def test_an_interpreter_of_pyenv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shim that does not run is passed over, and what pyenv has installed is found."""
    _program(tmp_path / "shims" / "python3.12", "exit 127")
    installed = _program(tmp_path / "versions" / "3.12.7" / "bin" / "python3.12", "echo 3.12")
    monkeypatch.setenv("PATH", str(tmp_path / "shims"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    interpreters.find.cache_clear()
    try:
        assert interpreters.find("3.12") == installed
        assert interpreters.find("3.13") is None
    finally:
        interpreters.find.cache_clear()


def test_what_did_not_run_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A combination that was asked for and cannot be had is said, and ends the run with 1."""

    def refuse(combination: Combination) -> None:
        raise NotToBeHad(f"no wheel for {combination.name}")

    monkeypatch.setattr(Combination, "make_ready", refuse)
    asked = CliRunner().invoke(main, ["redis-8", "valkey-9"])
    assert asked.exit_code == 1
    assert "DID NOT RUN: no wheel for redis-8" in asked.output
    assert asked.output.endswith("0 of 2 combinations passed\n")


def test_a_server_that_does_not_run(tmp_path: Path) -> None:
    """A program that is no server is not taken for one."""
    with pytest.raises(NotToBeHad, match="does not run: no such library"):
        servers.describe(_program(tmp_path / "redis-server", "echo no such library >&2; exit 127"))


def test_the_server_to_test_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`REDIS_SERVER` is used and nothing else, and one that is not there is an error, not another server."""
    named = _program(tmp_path / "redis-server", "echo Redis server v=6.2.5 sha=0")
    monkeypatch.setenv("REDIS_SERVER", str(named))
    assert find_server() == named
    assert servers.describe(named) == "Redis 6.2.5"
    monkeypatch.setenv("REDIS_SERVER", str(tmp_path / "absent"))
    with pytest.raises(FileNotFoundError, match="absent"):
        find_server()
