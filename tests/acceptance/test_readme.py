"""`README.md` and `README.zh-CN.md`: what they show is what a reader can type, and it works."""

from __future__ import annotations

import json
import re
import shutil
import socket
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.monitors import Flower
from tests.support.readme import CHINESE, ENGLISH, Block, Reader, blocks, reader
from tests.support.redis_server import free_port
from tests.support.sandbox import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Lines that are not run here, each with its reason.
SKIPPED = {
    "make demo": "makes a virtual environment of its own from a package index; the continuous integration runs it",
    "python3 -m venv .venv && . .venv/bin/activate": "this test runs in such an environment",
    "pip install '.[worker,sandbox,flower]'": "needs a package index; tests/deploy installs the wheel",
    "make test": "is what runs this test",
    "make check": "is what runs this test",
}
#: The ports that readers use may be taken on this machine; this is all that is changed in the examples.
PORTS = {
    "redis-server deploy/redis.conf": "redis-server deploy/redis.conf --port {redis}",
    "voice-notify sandbox": "voice-notify sandbox --port {sandbox}",
    "127.0.0.1:8790": "127.0.0.1:{sandbox}",
    "flower --read-only": "flower --read-only --port={flower}",
    "voice-notify metrics": "voice-notify metrics --port {metrics}",
}
#: What keeps its terminal. Everything else ends, with 0 …
KEPT = ("redis-server ", "voice-notify sandbox ", "celery ", "voice-notify metrics ")
#: … but for this: the file has bad rows on purpose, as the README says.
FAILS = {"voice-notify send --csv tests/data/mixed.csv": 1}

LINES = [line for block in blocks(ENGLISH) if block.language == "sh" for line in block.text.splitlines()]


def test_both_have_the_same_examples() -> None:
    """Each example stands in both files, to the letter and in the same order."""
    assert len(blocks(ENGLISH)) > 10
    assert blocks(CHINESE) == blocks(ENGLISH)


@pytest.mark.parametrize("listed", [*SKIPPED, *FAILS])
def test_no_exception_is_stale(listed: str) -> None:
    """Whatever is not run, or may fail, is still in the file."""
    assert listed in LINES


@pytest.fixture(scope="module")
def ports() -> dict[str, int]:
    """A free port for each server."""
    return {name: free_port() for name in ("redis", "sandbox", "flower", "metrics")}


@pytest.fixture(scope="module")
def person(tmp_path_factory: pytest.TempPathFactory, ports: dict[str, int]) -> Iterator[Reader]:
    """A reader before the first line."""
    if shutil.which("redis-server") is None:
        pytest.skip("no redis-server on the path")
    address = f"redis://127.0.0.1:{ports['redis']}/0"
    with reader(tmp_path_factory.mktemp("reader"), VOICE_NOTIFY_REDIS_URL=address) as person:
        yield person


def test_every_example_works(person: Reader, ports: dict[str, int]) -> None:
    """Typed in order, each ends with 0 or keeps its terminal; Python's come last, as one program, once workers run."""
    id_ = "none yet"
    for block in blocks(ENGLISH):
        for line in block.text.splitlines() if block.language == "sh" else ():
            if line not in SKIPPED:
                id_ = _type(person, block, line.replace(" ID", f" {id_}"), ports) or id_
    program = "".join(block.text for block in blocks(ENGLISH) if block.language == "python")
    done = person.run("python", "-c", program)
    assert done.returncode == 0, done.stderr
    assert person.ended() == []


def _type(person: Reader, block: Block, line: str, ports: dict[str, int]) -> str:
    """Type a line; the id of the notification that it tells of, if any."""
    at = f"{ENGLISH}:{block.line}: {line}"
    here = line
    for shown, patched in PORTS.items():
        here = here.replace(shown, patched.format(**ports))
    if f"{line} ".rpartition("&& ")[2].startswith(KEPT):
        person.keep(here)
        served = next((port for port in ports.values() if str(port) in here), None)
        assert eventually(lambda: _begun(person, served)), at
        assert person.ended() == [], at
        return ""
    done = person.type(here)
    assert done.returncode == FAILS.get(line, 0), f"{at}\n{done.stdout}{done.stderr}"
    found = re.search(r"\b[0-9a-f]{24}\b", done.stdout)
    return found[0] if found else ""


def _begun(person: Reader, port: int | None) -> bool:
    """Whether a server listens; without a port, whether all workers were heard of, or one has ended."""
    if person.ended():
        return True
    if port is None:
        return _workers(person) == sum(" worker " in line for line in person.kept)
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _workers(person: Reader) -> int:
    return len(json.loads(person.run("voice-notify", "account", "show", "--json").stdout)["workers"])


def test_what_was_started_does_its_work(person: Reader, ports: dict[str, int]) -> None:
    """Both workers are there, calls reached the sandbox and broke no rule, and Flower and the metrics answer."""
    if not person.kept:
        pytest.skip("the examples were not run")
    assert eventually(lambda: _workers(person) == 2)
    assert eventually(lambda: len(_ask(ports["sandbox"], "calls")) > 100)
    assert _ask(ports["sandbox"], "violations") == []
    log = next(log for line, log in person.kept.items() if " flower" in line)
    made = re.search(r"user (\w+), password (\S+),", log.read_text(encoding="utf-8"))
    assert made is not None
    flower = Flower(ports["flower"], log)
    assert [flower.get("/tasks", login)[0] for login in (None, ":".join(made.groups()))] == [401, 200]
    assert "voice_notify_up 1" in Flower(ports["metrics"], log).get("/metrics", None)[1]


def _ask(port: int, what: str) -> Any:  # noqa: ANN401 - what it replies
    return json.loads(Flower(port, log=None).get(f"/sandbox/{what}", None)[1])  # type: ignore[arg-type]
