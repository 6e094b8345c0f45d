"""Where settings come from: `VOICE_NOTIFY_*` in the environment, Django's settings, a TOML file, the defaults."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from voice_notify.errors import SettingsError
from voice_notify.settings.model import VARIABLE_PREFIX, Settings, variable_of

_CONFIG_VARIABLE = f"{VARIABLE_PREFIX}CONFIG"
_DEFAULT_CONFIG = Path("config/voice-notify.toml")
_DJANGO_VARIABLE = "DJANGO_SETTINGS_MODULE"
#: Of Django's settings: a dictionary with the names that the file has.
_DJANGO_SETTING = "VOICE_NOTIFY"


class _SettingsToRead(Settings, BaseSettings):
    """What pydantic-settings looks for. `Settings` itself reads nothing: tests and tools make it of what they have."""

    model_config = SettingsConfigDict(
        env_prefix=VARIABLE_PREFIX,
        env_ignore_empty=True,  # Compose and shells pass an unset variable on as an empty one
    )


class Sources:
    """What the environment, Django and the file set, and which of them set what.

    Django is asked where `DJANGO_SETTINGS_MODULE` names its settings. The file is the one that `VOICE_NOTIFY_CONFIG`
    names, else `config/voice-notify.toml` where that exists. Raises `SettingsError` if a file that is named does not
    exist, and for settings that cannot be read.
    """

    def __init__(self) -> None:
        named = os.environ.get(_CONFIG_VARIABLE)
        self.path = Path(named or _DEFAULT_CONFIG)
        self.environment = _read_environment()
        self.django = _read_django()
        self.file = _read_file(self.path) if named or self.path.is_file() else {}

    def merge(self) -> dict[str, Any]:
        """Return one value for each setting: the environment's, else Django's, else the file's.

        A setting and its `…_file` are one setting here: whichever of them one source has, the next one's both yield.
        """
        merged: dict[str, Any] = {}
        for source in (self.environment, self.django, self.file):
            settled = {name.removesuffix("_file") for name in merged}
            merged |= {name: value for name, value in source.items() if name.removesuffix("_file") not in settled}
        templates = self.path.with_name("templates.toml")
        defaults = {"templates_file": templates} if templates.is_file() else {}
        return defaults | merged

    def found_in(self, name: str) -> str:
        """Tell a person which source has `name`, other than the environment."""
        return f"{_DJANGO_SETTING} in Django's settings" if name in self.django else str(self.path)

    def origin(self, name: str) -> str:
        """Tell a person which source set `name`, and how to change it."""
        for key in (name, f"{name}_file"):
            if key in self.environment:
                return f"set by {variable_of(key)}"
        for key in (name, f"{name}_file"):
            if key in self.django or key in self.file:
                return f"set by {key} in {self.found_in(key)}; {variable_of(name)} overrides it"
        return f"the default; {variable_of(name)} overrides it"


def _read_environment() -> dict[str, Any]:
    """Return what `VOICE_NOTIFY_*` sets, unknown names included: pydantic-settings does not look for those."""
    variables = {name.upper() for name in os.environ} - {_CONFIG_VARIABLE}
    given = {name.removeprefix(VARIABLE_PREFIX).lower() for name in variables if name.startswith(VARIABLE_PREFIX)}
    return dict.fromkeys(given - Settings.model_fields.keys()) | EnvSettingsSource(_SettingsToRead)()


def _read_django() -> dict[str, Any]:
    module = os.environ.get(_DJANGO_VARIABLE)
    if not module:
        return {}
    try:
        from django.conf import settings  # noqa: PLC0415 - only its users have it
    except ModuleNotFoundError:  # one environment for several programs, of which this one is without Django
        return {}
    try:
        given: object = getattr(settings, _DJANGO_SETTING, {})
    except Exception as error:
        hint = "; is the project's folder on PYTHONPATH?" if isinstance(error, ModuleNotFoundError) else ""
        raise SettingsError(
            f"{module}: Django's settings cannot be read: {error}{hint} (set by {_DJANGO_VARIABLE})"
        ) from error
    if not isinstance(given, Mapping):
        raise SettingsError(f"{_DJANGO_SETTING} in Django's settings must be a dictionary, not {type(given).__name__}")
    return dict(given)


def _read_file(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise SettingsError(f"{path}: there is no such file (set by {_CONFIG_VARIABLE})")
    try:
        return TomlConfigSettingsSource(_SettingsToRead, path)()
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path}: cannot be read: {error}") from None
