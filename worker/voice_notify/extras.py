"""The extras of this package: an application needs none, a worker and the commands need `voice-notify[worker]`."""

from __future__ import annotations

import click


def not_installed(error: ModuleNotFoundError, extra: str) -> click.ClickException:
    """What a person is told where a library of `extra` is missing: one line. Raises `error` if it is one of ours."""
    if (error.name or "voice_notify").partition(".")[0] == "voice_notify":
        raise error
    return click.ClickException(f"{error.name} is not installed: pip install 'voice-notify[{extra}]'")
