"""The Pythons of this machine, among those that the package says it supports."""

from __future__ import annotations

import os
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.support.worker import ROOT

_CLASSIFIER = "Programming Language :: Python :: "


def supported() -> list[str]:
    """The minor versions that `pyproject.toml` names, oldest first."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [name.removeprefix(_CLASSIFIER) for name in project["classifiers"] if name.startswith(_CLASSIFIER)]


@cache
def find(version: str) -> Path | None:
    """An interpreter of this minor version that runs: on the path, or of pyenv."""
    return next((path for path in _candidates(version) if _is_version(path, version)), None)


def _candidates(version: str) -> Iterator[Path]:
    name = f"python{version}"
    for folder in os.get_exec_path():
        yield Path(folder, name)
    # On the path pyenv has only shims, which fail unless the version is one of those it was told to use.
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from sorted(pyenv.glob(f"versions/{version}.*/bin/{name}"))


def _is_version(path: Path, version: str) -> bool:
    if not os.access(path, os.X_OK):
        return False
    ask = "import sys; print(f'{sys.version_info[0]}.{sys.version_info[1]}')"
    told = subprocess.run([path, "-c", ask], capture_output=True, text=True, check=False)  # noqa: S603 - a Python
    return told.returncode == 0 and told.stdout.strip() == version
