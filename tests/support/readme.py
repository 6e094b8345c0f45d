"""The examples of the two README files, and a reader who types them into terminals one after another."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.worker import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

ENGLISH, CHINESE = "README.md", "README.zh-CN.md"
#: What the examples name, of all that is in the repository.
_FILES = ("deploy", "config", "tests/data", "Makefile")
STOP_SECONDS = 15
COMMAND_SECONDS = 30


@dataclass(frozen=True)
class Block:
    """A fenced example: its language, its text, and the line of the file on which it begins."""

    language: str
    text: str
    line: int = field(compare=False)


def blocks(document: str) -> list[Block]:
    """The `sh` and `python` examples of a file of the repository, in order."""
    text = (ROOT / document).read_text(encoding="utf-8")
    found = re.finditer(r"^```(sh|python)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [Block(match[1], match[2], text.count("\n", 0, match.start()) + 1) for match in found]


class Reader:
    """Someone in a fresh copy of the repository, with a home of their own; `environment` is what they have exported."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.environment = _clean_environment() | {"HOME": str(folder)} | environment
        self.kept: dict[str, Path] = {}  #: what was written by each command that keeps its terminal
        self._processes: list[subprocess.Popen[bytes]] = []
        for name in _FILES:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            copy(ROOT / name, folder / name)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a program to its end."""
        return subprocess.run(  # noqa: S603 - an example of ours
            command,
            check=False,  # whoever asked judges its end
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
        )

    def type(self, line: str) -> subprocess.CompletedProcess[str]:
        """Type a line into the shell; what it exports stays."""
        exports = self.folder / "exports"
        done = self.run("bash", "-c", f"{line}\nstatus=$?; env -0 > {shlex.quote(str(exports))}; exit $status")
        self.environment |= dict(pair.split("=", 1) for pair in exports.read_text("utf-8").split("\0") if pair)
        return done

    def keep(self, line: str) -> Path:
        """Type a line whose last command keeps its terminal; the file that holds what it writes."""
        log = self.folder / f"terminal-{len(self.kept) + 1}.log"
        *before, last = line.split(" && ")
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603 - an example of ours
                ["bash", "-c", " && ".join([*before, f"exec {last}"])],  # noqa: S607 - the reader's
                cwd=self.folder,
                env=self.environment,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self.kept[line] = log
        self._processes.append(process)
        return log

    def ended(self) -> list[str]:
        """Those of the commands which should keep their terminal and did not, with what they wrote."""
        kept = zip(self.kept.items(), self._processes, strict=True)
        return [f"{line}\n{log.read_text('utf-8')}" for (line, log), process in kept if process.poll() is not None]

    def leave(self) -> None:
        """End what keeps its terminal, the last one first, as Ctrl-C would; then whatever is left."""
        for process in reversed(self._processes):
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _clean_environment() -> dict[str, str]:
    """What this process has, without settings, and with the commands of its virtual environment on the path."""
    ours = ("VOICE_NOTIFY_", "FLOWER_", "CELERY_")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return clean | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{clean['PATH']}"}


@contextmanager
def reader(folder: Path, **environment: str) -> Iterator[Reader]:
    """A reader, who leaves nothing running."""
    made = Reader(folder, **environment)
    try:
        yield made
    finally:
        made.leave()
