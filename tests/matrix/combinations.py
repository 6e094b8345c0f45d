"""What is tried: the libraries' lowest and newest versions on each Python, and each server."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from tests.matrix import interpreters, servers
from tests.matrix.packages import RESOLUTIONS, NotToBeHad, make_environment, versions
from tests.support.redis_server import NO_REDIS, find_server

FOLDERS = ("unit", "contract", "acceptance")
_TESTS = Path(__file__).parents[1]
_OF_LIBRARIES = ("unit", "contract")
_OF_SERVERS = ("contract", "acceptance")
#: What is run with every server, since servers differ in users' rights, too.
_RIGHTS = "tests/unit/test_deploy_redis.py"
#: For pytest's `-k`: what a server has a part in.
_WITH_A_SERVER = "not fakeredis and not test_mutations"


@dataclass(frozen=True, slots=True)
class Ready:
    """What the tests of a combination run with, and words for it."""

    python: Path
    server: Path
    described: str


@dataclass(frozen=True, slots=True)
class Combination:
    """One of `packages.RESOLUTIONS` on a Python, as 3.11, with a server: one of `servers.NAMES`, or "" for any.

    `folders` are those of the tests to run, or modules in them.
    """

    name: str
    folders: tuple[str, ...]
    resolution: str
    python: str
    server: str = ""

    def lacking(self) -> str:
        """What of it this machine does not have and no package index either, or nothing."""
        if interpreters.find(self.python) is None:
            return f"no python{self.python} on the path or of pyenv"
        return NO_REDIS if self.server == servers.INSTALLED and find_server() is None else ""

    def make_ready(self) -> Ready:
        """Install what it needs; raises `NotToBeHad`."""
        interpreter = interpreters.find(self.python)
        if interpreter is None:
            raise NotToBeHad(self.lacking())
        server = servers.find(self.server) if self.server else servers.find_any()
        python = make_environment(interpreter, self.resolution, f"{self.resolution}-{self.python}")
        return Ready(python, server, f"{servers.describe(server)}, Python {self.python}, {versions(python)}")

    def pytest_options(self) -> list[str]:
        """What to run, for pytest."""
        tests = [*(f"tests/{folder}" for folder in self.folders), "-m", "not rabbitmq"]
        return [*tests, _RIGHTS, "-k", _WITH_A_SERVER] if self.server else tests


def every() -> list[Combination]:
    """All of them, in the order in which they are run."""
    pythons = interpreters.supported()
    newest = next((version for version in reversed(pythons) if interpreters.find(version)), pythons[-1])
    return [
        *(
            Combination(f"{resolution}-{version}", _OF_LIBRARIES, resolution, version)
            for version in pythons
            for resolution in RESOLUTIONS
        ),
        *(Combination(name, _OF_SERVERS, "newest", newest, name) for name in servers.NAMES),
    ]


def parse(text: str) -> Combination:
    """One of them by its name, which may be followed by the tests to run: `NAME:FOLDER,FOLDER/MODULE`.

    Raises `ValueError`.
    """
    name, _, told = text.partition(":")
    known = {combination.name: combination for combination in every()}
    if name not in known:
        raise ValueError(f"{name}: must be one of {', '.join(known)}")
    folders = tuple(told.split(",")) if told else known[name].folders
    if any(each.partition("/")[0] not in FOLDERS or not (_TESTS / each).exists() for each in folders):
        raise ValueError(f"{text}: the tests must be of {', '.join(FOLDERS)}, or modules there")
    return replace(known[name], folders=folders)
