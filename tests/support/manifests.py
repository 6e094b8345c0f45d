"""The files of `deploy/`, read for tests."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
import yaml

from tests.support.redis_server import DEPLOY
from voice_notify.cli import LazyCommand, main
from voice_notify.settings import Settings

_PREFIX = "VOICE_NOTIFY_"


def documents(name: str) -> list[dict[str, Any]]:
    """The documents of a YAML file of `deploy/`."""
    return [each for each in yaml.safe_load_all((DEPLOY / name).read_text(encoding="utf-8")) if each]


def no_settings(names: list[str]) -> list[str]:
    """Those of the variables that would stop the start, because there is no such setting."""
    known = {name.upper() for name in Settings.model_fields} | {"CONFIG"}
    return [name for name in names if name.startswith(_PREFIX) and name.removeprefix(_PREFIX) not in known]


def run_of_ours(command: Iterable[str]) -> list[str]:
    """The words after `voice-notify` of a command that runs it, by itself or through a shell."""
    words = [word for each in command for word in shlex.split(each)]
    programs = [Path(word).name for word in words]
    return words[programs.index("voice-notify") + 1 :]


def unknown_words(run: Iterable[str]) -> list[str]:
    """Which of the words after `voice-notify` it does not know: no command, or no option of the one before them."""
    command: click.Command = main
    unknown: list[str] = []
    for word in run:
        if isinstance(command, click.Group) and not word.startswith("-"):
            found = command.get_command(click.Context(command), word)
            if found is None:
                return [*unknown, word]
            command = found.load() if isinstance(found, LazyCommand) else found
        elif word.startswith("-"):
            options = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
            unknown += [word] if word.partition("=")[0] not in options else []
    return unknown


def made_secrets(folder: Path, app_id: str = "shop") -> set[str]:
    """The files that `deploy/make-secrets.sh` makes."""
    command = [str(DEPLOY / "make-secrets.sh"), app_id, str(folder)]
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - the project's own script
    return {path.name for path in folder.iterdir()}


#: The longest that a call may take, in seconds, from its grant to its settlement, by the default settings.
LONGEST_CALL = Settings(app_id="shop").call_lease
