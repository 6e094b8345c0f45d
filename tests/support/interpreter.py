"""Processes that have none of this one's settings."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def without_settings() -> dict[str, str]:
    """The environment of this process, but for the settings of an account."""
    return {name: value for name, value in os.environ.items() if not name.startswith("VOICE_NOTIFY_")}


def run_python(code: str, folder: Path, **environment: str) -> str:
    """What a fresh interpreter prints that runs `code` in `folder`, with these settings only."""
    done = subprocess.run(  # noqa: S603 - ours
        [sys.executable, "-c", code],
        cwd=folder,
        env=without_settings() | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout
