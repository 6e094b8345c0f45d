"""Which part of the package imports which: data flows one way, a producer loads nothing of a worker."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import voice_notify

PACKAGE = Path(voice_notify.__file__).parent
MODULES = {
    ".".join(("voice_notify", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
DOMAIN = [module for module in MODULES if module.startswith("voice_notify.domain")]


def loaded_by(statement: str) -> set[str]:
    """The modules that a fresh interpreter has loaded after `statement`."""
    script = f"import sys; {statement}; print(*sys.modules)"
    environment = os.environ | {"VOICE_NOTIFY_APP_ID": "shop"}
    done = subprocess.run(  # noqa: S603 - ours
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


@pytest.mark.parametrize("module", DOMAIN)
def test_the_domain_is_pure(module: str) -> None:
    """A module of `domain`, imported in a fresh interpreter, brings in neither Celery nor Redis nor requests."""
    libraries = {name.partition(".")[0] for name in loaded_by(f"import {module}")}
    assert not {"celery", "kombu", "redis", "requests", "urllib3"} & libraries


def test_a_producer_loads_nothing_of_a_worker() -> None:
    """`from voice_notify import notify` loads what a submit needs: no provider's client, no delivery, no Flower."""
    loaded = loaded_by("from voice_notify import notify; notify.apply_async")
    foreign = ("requests", "httptools", "urllib3", "flower", "prometheus_client")
    others = ("provider", "delivery", "cli", "sandbox", "demo", "monitoring.flower", "monitoring.task_events")
    own = tuple(f"voice_notify.{part}" for part in others)
    assert "voice_notify.producer.notify_task" in loaded
    assert [name for name in loaded if is_part_of(name, (*foreign, *own))] == []


def test_a_producer_needs_no_extra() -> None:
    """It loads where none of a worker's libraries is installed; `tests/deploy` does the same with the wheel."""
    absent = ("requests", "urllib3", "httptools", "charset_normalizer", "certifi", "rich", "prometheus_client")
    hidden = f"sys.modules |= dict.fromkeys({absent})"
    loaded = loaded_by(f"{hidden}; from voice_notify import notify, status; notify.bulk")
    assert "voice_notify.producer.bulk" in loaded


def imports_of(module: str) -> Iterator[str]:
    """The full names of the modules that `module` imports anywhere in its text; names may follow a package's."""
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}:{node.lineno}: a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def module_of(name: str) -> str | None:
    """The module of ours that `name` is or stands in."""
    return next((part for part in (name, name.rpartition(".")[0]) if part in MODULES), None)


def is_part_of(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def test_no_circle() -> None:
    """No module imports, by however many steps, itself; imports for types only and inside functions count too."""
    graph = {
        module: {found for name in imports_of(module) if (found := module_of(name)) not in (None, module)}
        for module in MODULES
        if module != "voice_notify"  # the public surface, which is loaded by name
    }
    TopologicalSorter({module: uses - {"voice_notify"} for module, uses in graph.items()}).prepare()


@pytest.mark.parametrize(
    ("library", "users"),
    [
        ("redis", ("ledger",)),
        ("requests", ("provider",)),
        ("httptools", ("provider",)),
        ("celery", ("broker", "producer", "delivery", "monitoring")),
        ("kombu", ("broker", "delivery")),
        ("tornado", ("monitoring.flower",)),
        ("prometheus_client", ("monitoring.metrics", "cli.operate.metrics")),
        ("rich", ("cli", "demo", "sandbox")),
        ("starlette", ("sandbox",)),
        ("uvicorn", ("sandbox",)),
    ],
)
def test_one_place_for_each_library(library: str, users: tuple[str, ...]) -> None:
    """Each library of the outer world is imported where its part of the work is done, and nowhere else."""
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
        ("errors", ()),
        ("domain", ("domain", "errors")),
        ("settings", ("settings", "domain", "errors")),
        ("ledger", ("ledger", "domain", "errors", "settings")),
        ("accounts", ("ledger", "domain", "settings")),
        ("documents", ("documents", "ledger", "domain", "errors")),
        ("provider", ("provider", "domain", "errors", "__version__")),
        ("concurrency", ("concurrency", "monitoring.logs")),
        ("broker", ("broker", "accounts", "errors", "extras", "monitoring")),
        ("producer", ("producer", "broker", "accounts", "ledger", "domain", "errors", "monitoring.logs")),
        ("sandbox", ("sandbox",)),
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


def test_what_the_domain_may_use() -> None:
    """`domain` uses the standard library, pydantic and tenacity."""
    allowed = {*sys.stdlib_module_names, "pydantic", "tenacity", "voice_notify"}
    foreign = [
        (module, name) for module in DOMAIN for name in imports_of(module) if name.partition(".")[0] not in allowed
    ]
    assert foreign == []


def test_the_demo_is_an_application() -> None:
    """The demo judges the system from outside: it submits and asks through the public API, the account and the CLI."""
    inside = ("broker", "concurrency", "delivery", "monitoring", "producer", "provider", "sandbox")
    judged = tuple(f"voice_notify.{part}" for part in inside)
    demo = [module for module in MODULES if is_part_of(module, ("voice_notify.demo",))]
    assert [(module, name) for module in demo for name in imports_of(module) if is_part_of(name, judged)] == []


@pytest.mark.parametrize("package", ["concurrency", "demo", "monitoring", "sandbox", "settings"])
def test_a_package_lists_its_modules(package: str) -> None:
    """The docstring of a package names each of its modules, and no other file."""
    tree = ast.parse((PACKAGE / package / "__init__.py").read_text(encoding="utf-8"))
    listed = set(re.findall(r"\w+\.py\b", ast.get_docstring(tree) or ""))
    present = {path.name for path in (PACKAGE / package).glob("*.py")}
    assert listed == present - {"__init__.py", "__main__.py"}
