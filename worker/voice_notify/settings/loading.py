"""`load_settings`, and the line that it writes for each problem: the setting, its value, the rule, where it was set."""

from difflib import get_close_matches

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from voice_notify.errors import SettingsError
from voice_notify.settings.model import Settings, variable_of
from voice_notify.settings.sources import Sources
from voice_notify.settings.urls import redact_url

_SECRETS = {"app_secret"}
_URLS = {"base_url", "redis_url", "broker_url"}


def load_settings() -> Settings:
    """Return the settings of the environment, then Django's `VOICE_NOTIFY`, then the TOML file's, then the defaults.

    The file is the one that `VOICE_NOTIFY_CONFIG` names, else `config/voice-notify.toml` where that exists;
    `templates.toml` beside it is the default of `templates_file`.
    Raises `SettingsError` with one line for each problem: the setting, its value (never a secret), the rule, and where
    it was set.
    """
    sources = Sources()
    try:
        return Settings(**sources.merge())
    except ValidationError as error:
        problems = [_explain(problem, sources) for problem in error.errors()]
    # Raised outside the `except`: pydantic's error, which holds the values, is not to be part of the traceback.
    raise SettingsError("\n".join(problems))


def _explain(problem: ErrorDetails, sources: Sources) -> str:
    name = str(problem["loc"][0])
    if problem["type"] == "extra_forbidden":
        return _explain_unknown(name, sources)
    if problem["type"] == "missing":
        return f"{name}: is required; set {variable_of(name)}"
    rule = problem["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return f"{name}{_show_value(name, problem['input'])}: {rule} ({sources.origin(name)})"


def _explain_unknown(name: str, sources: Sources) -> str:
    # Without its value, which may be the secret under a mistyped name.
    match = get_close_matches(name, Settings.model_fields, n=1)
    if name not in sources.environment:
        hint = f"; did you mean {match[0]}?" if match else ""
        return f"{name}: there is no such setting, but {sources.found_in(name)} has it{hint}"
    hint = f"; did you mean {variable_of(match[0])}?" if match else ""
    return f"{variable_of(name)}: there is no such setting, but the environment has it{hint}"


def _show_value(name: str, value: object) -> str:
    if name in _SECRETS:
        return ""
    return f" = {redact_url(str(value))}" if name in _URLS else f" = {value!r}"
