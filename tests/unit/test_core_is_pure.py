"""Which part imports which: data flows one way, and `core` knows nothing of the world."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import voice_notify

PACKAGE = Path(voice_notify.__file__).parent
MODULES = {
    ".".join(("voice_notify", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
CORE = [module for module in MODULES if module.startswith("voice_notify.core")]


@pytest.mark.parametrize("module", CORE)
def test_core_alone(module: str) -> None:
    """A module of `core`, imported in a fresh interpreter, brings in neither Celery nor Redis nor requests."""
    script = f"import sys, {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)  # noqa: S603 - ours
    assert not {"celery", "kombu", "redis", "requests", "urllib3"} & set(done.stdout.split())


def imports_of(module: str) -> Iterator[str]:
    """The full names of the modules that `module` imports anywhere in its text; names may follow a package's."""
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}:{node.lineno}: a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_part_of(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


@pytest.mark.parametrize(
    ("library", "users"),
    [
        ("redis", ("store",)),
        ("requests", ("provider",)),
        ("urllib3", ("provider",)),
        ("celery", ("celery", "consumer", "events", "tasks", "results", "worker_logs")),
        ("kombu", ("celery", "tasks", "results")),
        ("starlette", ("sandbox",)),
        ("uvicorn", ("sandbox",)),
    ],
)
def test_one_place_for_each_library(library: str, users: tuple[str, ...]) -> None:
    """Each library of the outer world is imported in one place only."""
    homes = tuple(f"voice_notify.{user}" for user in users)
    strangers = [
        module
        for module in MODULES
        if not is_part_of(module, homes) and any(is_part_of(name, (library,)) for name in imports_of(module))
    ]
    assert strangers == []


@pytest.mark.parametrize(
    ("part", "may_import"),
    [
        ("core", ("core", "errors")),
        ("store", ("store", "core", "errors", "settings")),
        ("provider", ("provider", "core", "errors", "__version__")),
        ("sandbox", ("sandbox",)),
        ("errors", ()),
        ("settings", ("core", "errors")),
    ],
)
def test_one_direction(part: str, may_import: tuple[str, ...]) -> None:
    """A part imports only what lies below it; the sandbox, which judges the others, imports none of them."""
    allowed = tuple(f"voice_notify.{name}" for name in may_import)
    upward = [
        (module, name)
        for module in MODULES
        if is_part_of(module, (f"voice_notify.{part}",))
        for name in imports_of(module)
        if is_part_of(name, ("voice_notify",)) and not is_part_of(name, allowed)
    ]
    assert upward == []


def test_what_core_may_use() -> None:
    """`core` uses the standard library, pydantic and tenacity."""
    allowed = {*sys.stdlib_module_names, "pydantic", "tenacity", "voice_notify"}
    foreign = [
        (module, name) for module in CORE for name in imports_of(module) if name.partition(".")[0] not in allowed
    ]
    assert foreign == []
