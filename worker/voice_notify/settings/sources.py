"""Where settings come from: `VOICE_NOTIFY_*` in the environment, then a TOML file, then the defaults."""

import os
from pathlib import Path
from typing import Any

from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from voice_notify.errors import SettingsError
from voice_notify.settings.model import VARIABLE_PREFIX, Settings, variable_of

_CONFIG_VARIABLE = f"{VARIABLE_PREFIX}CONFIG"
_DEFAULT_CONFIG = Path("config/voice-notify.toml")


class _SettingsToRead(Settings, BaseSettings):
    """What pydantic-settings looks for. `Settings` itself reads nothing: tests and tools make it of what they have."""

    model_config = SettingsConfigDict(
        env_prefix=VARIABLE_PREFIX,
        env_ignore_empty=True,  # Compose and shells pass an unset variable on as an empty one
    )


class Sources:
    """What the environment and the file set, and which of them set what.

    The file is the one that `VOICE_NOTIFY_CONFIG` names, else `config/voice-notify.toml` where that exists.
    Raises `SettingsError` if a file that is named does not exist, or cannot be read.
    """

    def __init__(self) -> None:
        named = os.environ.get(_CONFIG_VARIABLE)
        self.path = Path(named or _DEFAULT_CONFIG)
        self.environment = _read_environment()
        self.file = _read_file(self.path) if named or self.path.is_file() else {}

    def merge(self) -> dict[str, Any]:
        """Return one value for each setting: the environment's, else the file's.

        A setting and its `…_file` are one setting here: whichever of them the environment has, the file's both yield.
        """
        settled = {name.removesuffix("_file") for name in self.environment}
        from_file = {name: value for name, value in self.file.items() if name.removesuffix("_file") not in settled}
        templates = self.path.with_name("templates.toml")
        defaults = {"templates_file": templates} if templates.is_file() else {}
        return defaults | from_file | self.environment

    def origin(self, name: str) -> str:
        """Tell a person which source set `name`, and how to change it."""
        for key in (name, f"{name}_file"):
            if key in self.environment:
                return f"set by {variable_of(key)}"
        for key in (name, f"{name}_file"):
            if key in self.file:
                return f"set by {key} in {self.path}; {variable_of(name)} overrides it"
        return f"the default; {variable_of(name)} overrides it"


def _read_environment() -> dict[str, Any]:
    """Return what `VOICE_NOTIFY_*` sets, unknown names included: pydantic-settings does not look for those."""
    variables = {name.upper() for name in os.environ} - {_CONFIG_VARIABLE}
    given = {name.removeprefix(VARIABLE_PREFIX).lower() for name in variables if name.startswith(VARIABLE_PREFIX)}
    return dict.fromkeys(given - Settings.model_fields.keys()) | EnvSettingsSource(_SettingsToRead)()


def _read_file(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise SettingsError(f"{path}: there is no such file (set by {_CONFIG_VARIABLE})")
    try:
        return TomlConfigSettingsSource(_SettingsToRead, path)()
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path}: cannot be read: {error}") from None
