"""Outcomes that could not be settled before a process ended, in files that the next worker on this host reads."""

from __future__ import annotations

import fcntl
import math
import os
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import IO, TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from voice_notify.ledger.ledger import Settlement
from voice_notify.monitoring.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

log = get_logger(__name__)

#: The provider's message is its own, and may quote what was sent.
_NOT_WRITTEN = {"settlement": {"outcome": {"message"}}}
_UNFINISHED = ".part"
#: A file that is unfinished for so long stays so: its process was killed, or its host lost power.
_GIVEN_UP_S = 60


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a file, as JSON: an outcome without the provider's message, number or text."""

    left_at: float  #: when its process ended, a Unix time
    settlement: Settlement


class Spool:
    """The files of one account in a folder, one for each process that ended and left something."""

    def __init__(self, folder: Path, app_id: str) -> None:
        self._folder = folder
        self._prefix = f"outcomes-{app_id}@"  # no id of an account has an @

    def prepare(self) -> None:
        """Make the folder, if it does not exist. Raises `OSError` if no file can be written there."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.access(self._folder, os.R_OK | os.W_OK | os.X_OK):
            raise PermissionError(f"{self._folder} cannot be read and written")

    def write(self, settlements: Sequence[Settlement]) -> Path:
        """Leave these to the next worker, on disk when it returns. Raises `OSError`."""
        path = self._folder / f"{self._prefix}{time.time_ns()}-{secrets.token_hex(4)}.jsonl"
        unfinished = path.with_suffix(_UNFINISHED)
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            for each in settlements:
                file.write(_line().dump_json(Line(time.time(), each), exclude=_NOT_WRITTEN) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(path)
        return path

    def files(self) -> list[SpoolFile]:
        """What other processes left, the oldest first; also what they had written when they were killed."""
        given_up = time.time() - _GIVEN_UP_S
        found = [
            path
            for path in self._folder.glob(f"{self._prefix}*")
            if path.suffix != _UNFINISHED or _written_at(path) < given_up
        ]
        return [SpoolFile(path) for path in sorted(found)]


class SpoolFile:
    """What one process left. It stays until all of it is settled, whatever becomes of the process that reads it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def open(self) -> IO[bytes] | None:
        """The file, locked until it is closed; None while another process has it, or has settled it."""
        try:
            file = self.path.open("rb")
        except FileNotFoundError:
            return None
        with suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if self.path.exists():
                return file
        file.close()
        return None

    def read(self, file: IO[bytes]) -> Iterator[Settlement]:
        """What can be read of it; a damaged line is skipped, and said."""
        for number, text in enumerate(file, start=1):
            try:
                yield _line().validate_json(text).settlement
            except ValidationError as error:  # which quotes the text
                kinds = [each["type"] for each in error.errors(include_input=False, include_url=False)]
                log.error("a line of the spool cannot be read", file=str(self.path), line=number, error=kinds)  # noqa: TRY400

    def remove(self) -> None:
        """All of it is settled."""
        self.path.unlink()


def _written_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # it is finished since, and has another name
        return math.inf


@cache
def _line() -> TypeAdapter[Line]:
    return TypeAdapter(Line)
