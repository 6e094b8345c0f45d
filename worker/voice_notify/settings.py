"""The settings: read from the environment and a TOML file, validated once, then passed in.

`load_settings` is the one entry. Importing this module reads nothing. Times are seconds and may be fractional.
"""

import os
import re
from difflib import get_close_matches
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo

from pydantic import Field, PrivateAttr, Secret, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from voice_notify.domain.notification import MAX_SECONDS, OnUnconfirmed
from voice_notify.errors import SettingsError

_PREFIX = "VOICE_NOTIFY_"
_CONFIG_VARIABLE = "VOICE_NOTIFY_CONFIG"
_DEFAULT_CONFIG = Path("config/voice-notify.toml")
_MILLISECOND, _HOUR, _DAY = 0.001, 3600, 86_400  # seconds; the core and the store count milliseconds


class LogFormat(StrEnum):
    """How a worker writes its log."""

    CONSOLE = "console"  #: for people
    JSON = "json"  #: one object per line


class SecretUrl(Secret[str]):
    """A URL that shows itself without its password: `redis://app:***@10.0.0.5:6379/0`."""

    def _display(self) -> str:
        return redact_url(self.get_secret_value())


def redact_url(url: str) -> str:
    """Return `url` with every password as `***`; a text that is no URL may be a password itself and is hidden whole."""
    if "://" not in url:
        return "***"
    userinfo, at, rest = url.rpartition("@")
    if at:
        scheme, _, login = userinfo.partition("://")
        user = login.partition(":")[0] if ":" in login else ""
        url = f"{scheme}://{user}:***@{rest}"
    return re.sub(r"(?i)(password=)[^&#]*", r"\1***", url)


class SecretFile:
    """A secret in a file, read again whenever the file has changed: a rotated secret needs no restart.

    A file that is missing or empty for a moment, while it is being replaced, leaves the last secret in use.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._last: tuple[tuple[int, ...], str] | None = None

    def read(self) -> str:
        """Return the secret. Raises `ValueError` with the reason if it never could be read."""
        try:
            stat = self._path.stat()
            version = (stat.st_mtime_ns, stat.st_ino, stat.st_size)
            if self._last is None or self._last[0] != version:
                self._last = version, _read_secret(self._path)
        except (OSError, ValueError) as error:
            if self._last is None:
                raise ValueError(f"{self._path} cannot be read: {error}") from None
        return self._last[1]


def _read_secret(path: Path) -> str:
    secret = path.read_text(encoding="utf-8").strip()
    if not secret:
        raise ValueError("the file is empty")
    return secret


class Settings(BaseSettings):
    """Every setting with its default. Built directly, it takes what it is given and reads no environment."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX,
        env_ignore_empty=True,  # Compose and shells hand on an unset variable as an empty one
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        allow_inf_nan=False,
        str_strip_whitespace=True,  # a secret often arrives with the line end of the file it came from
        validate_default=True,  # a rule between two settings holds for a default too
    )

    # The account. `app_secret` is for workers only, and read by `read_app_secret`.
    app_id: str
    app_secret_file: Path | None = None
    app_secret: SecretStr | None = None
    base_url: str = "https://api.jumdata.com/voice-notify/send-v2"

    # Redis and the broker; without a `broker_url`, Redis is the broker.
    redis_url_file: Path | None = None
    redis_url: SecretUrl = SecretUrl("redis://127.0.0.1:6379/0")
    broker_url_file: Path | None = None
    broker_url: SecretUrl | None = None

    # The windows of one number (PROVIDER.md, Rules of use).
    min_interval: float = Field(default=30, ge=0, le=_DAY)
    max_calls: int = Field(default=5, ge=1, le=100)
    window: float = Field(default=_DAY, ge=_MILLISECOND, le=31 * _DAY)
    window_guard: float = Field(default=0.5, ge=0, le=60)

    # A call.
    connect_timeout: float = Field(default=3, ge=_MILLISECOND, le=60)
    read_timeout: float = Field(default=10, ge=_MILLISECOND, le=300)
    calls_in_flight: int = Field(default=16, ge=1, le=256)
    max_calls_per_second: float | None = Field(default=None, ge=0.001, le=10_000)
    # Less than the dearest notification costs (500 characters: 6 units) would hold that one, and all others, for ever.
    daily_budget: int | None = Field(default=None, ge=6, le=1_000_000_000)

    # A notification.
    max_attempts: int = Field(default=6, ge=1, le=100)
    backoff_base: float = Field(default=2, ge=_MILLISECOND, le=_HOUR)
    backoff_max: float = Field(default=300, ge=_MILLISECOND, le=_DAY)
    default_expires: float = Field(default=_DAY, ge=_MILLISECOND, le=MAX_SECONDS)
    on_unconfirmed: OnUnconfirmed = OnUnconfirmed.RESEND
    max_unconfirmed: int = Field(default=2, ge=0, le=100)
    max_line: int = Field(default=1000, ge=1, le=1_000_000)
    retention: float = Field(default=7 * _DAY, ge=_MILLISECOND, le=MAX_SECONDS)
    timezone: str = "Asia/Shanghai"
    templates_file: Path | None = None

    # The account's breaker.
    suspect_run: int = Field(default=10, ge=1, le=1000)
    breaker_cooldown: float = Field(default=60, ge=_MILLISECOND, le=_DAY)
    breaker_cooldown_max: float = Field(default=900, ge=_MILLISECOND, le=_DAY)

    # What a worker writes. The level is Celery's `--loglevel`.
    log_format: LogFormat = LogFormat.CONSOLE

    _secret_file: SecretFile | None = PrivateAttr(default=None)

    @property
    def effective_broker_url(self) -> str:
        """The broker's URL for Celery, with its password."""
        url = (self.broker_url or self.redis_url).get_secret_value()
        if url.startswith("unix://"):  # the same socket in kombu's words
            return re.sub(r"([?&])db=", r"\1virtual_host=", url.replace("unix://", "redis+socket://", 1))
        return url

    @property
    def send_window(self) -> float:
        """Seconds from the grant of a call within which its request has to be on the wire."""
        return 2 * self.connect_timeout

    @property
    def call_lease(self) -> float:
        """Seconds that a call may be in flight before its lease runs out."""
        return self.send_window + self.read_timeout + 2

    def read_app_secret(self) -> str:
        """Return the account's secret of this moment; call it for each request, so that a rotation is seen.

        Raises `SettingsError` if there is none: a producer needs none, a worker does.
        """
        if self._secret_file is not None:
            try:
                return self._secret_file.read()
            except ValueError as error:
                raise SettingsError(f"app_secret_file: {error} ({_variable('app_secret_file')})") from None
        if self.app_secret is None:
            raise SettingsError(f"app_secret: a worker needs it; set {_variable('app_secret')} or …_FILE")
        return self.app_secret.get_secret_value()

    def model_post_init(self, _context: object, /) -> None:
        if self.app_secret_file is not None:
            self._secret_file = SecretFile(self.app_secret_file)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - pydantic-settings' signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read no source here: `load_settings` does, because it tells for each bad value where it came from."""
        return (init_settings,)

    @field_validator("app_id")
    @classmethod
    def _check_app_id(cls, app_id: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", app_id):
            raise ValueError("should be 1 to 64 letters, digits, '_', '.' or '-'")
        return app_id

    @field_validator("app_secret", "redis_url", "broker_url", mode="before")
    @classmethod
    def _take_from_file(cls, value: object, info: ValidationInfo) -> object:
        path = info.data.get(f"{info.field_name}_file")
        if path is None:
            return value
        if value != cls.model_fields[str(info.field_name)].default:
            raise ValueError(f"should be given itself or as {info.field_name}_file, not both")
        # A producer may share a worker's configuration, but not its right to read the account's secret.
        return value if info.field_name == "app_secret" else SecretFile(path).read()

    @field_validator("app_secret")
    @classmethod
    def _check_app_secret(cls, app_secret: SecretStr | None) -> SecretStr | None:
        if app_secret is not None and not app_secret.get_secret_value():
            raise ValueError("should not be empty")
        return app_secret

    @field_validator("redis_url")
    @classmethod
    def _check_redis_url(cls, url: SecretUrl) -> SecretUrl:
        _check_url(url.get_secret_value(), ("redis", "rediss", "unix"))
        return url

    @field_validator("broker_url")
    @classmethod
    def _check_broker_url(cls, urls: SecretUrl | None) -> SecretUrl | None:
        for url in urls.get_secret_value().split(";") if urls else ():  # Celery's form of a list to fail over
            _check_url(url, ("redis", "rediss", "amqp", "amqps"))
        return urls

    @field_validator("base_url")
    @classmethod
    def _check_base_url(cls, url: str) -> str:
        parts = _check_url(url, ("https", "http"))
        if not parts.hostname or parts.username is not None or parts.query or parts.fragment:
            raise ValueError("should be an address without login, query or fragment")
        if parts.scheme == "http" and not _is_loopback(parts.hostname):
            raise ValueError("should begin with https://; only a loopback address may do without TLS")
        return url

    @field_validator("timezone")
    @classmethod
    def _check_timezone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            raise ValueError("should be a name of the time zone database, like Asia/Shanghai") from None
        return name

    @field_validator("backoff_max", "breaker_cooldown_max")
    @classmethod
    def _check_order(cls, most: float, info: ValidationInfo) -> float:
        lower = {"backoff_max": "backoff_base", "breaker_cooldown_max": "breaker_cooldown"}[str(info.field_name)]
        if most < info.data.get(lower, 0):
            raise ValueError(f"should be at least {lower}, which is {info.data[lower]:g}")
        return most


def _check_url(url: str, schemes: tuple[str, ...]) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:  # its text can hold a part of the password
        raise ValueError("should be a URL with a number as port and a percent-encoded password") from None
    if parts.scheme not in schemes:
        raise ValueError(f"should begin with {' or '.join(f'{scheme}://' for scheme in schemes)}")
    return parts


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def load_settings() -> Settings:
    """Return the settings of the environment, then of the TOML file, then the defaults.

    The file is the one that `VOICE_NOTIFY_CONFIG` names, else `config/voice-notify.toml` where that exists;
    `templates.toml` beside it is the default of `templates_file`.
    Raises `SettingsError` with one line for each problem: the field, its value (never a secret), the rule, the source.
    """
    sources = _Sources()
    try:
        return Settings(**sources.merge())
    except ValidationError as error:
        problems = [sources.explain(problem) for problem in error.errors()]
    # Raised out here, the error does not drag along pydantic's, which holds the values.
    raise SettingsError("\n".join(problems))


class _Sources:
    """What the environment and the file set, and who of them set what."""

    def __init__(self) -> None:
        named = os.environ.get(_CONFIG_VARIABLE)
        self._path = Path(named or _DEFAULT_CONFIG)
        self._environment = _read_environment()
        self._file = _read_file(self._path) if named or self._path.is_file() else {}

    def merge(self) -> dict[str, Any]:
        """Return one value for each setting; a setting and its `…_file` are one, and the environment goes first."""
        settled = {name.removesuffix("_file") for name in self._environment}
        values = {name: value for name, value in self._file.items() if name.removesuffix("_file") not in settled}
        templates = self._path.with_name("templates.toml")
        defaults = {"templates_file": templates} if templates.is_file() else {}
        return defaults | values | self._environment

    def explain(self, problem: ErrorDetails) -> str:
        """Return the line that tells a person what is wrong, and where to put it right."""
        name = str(problem["loc"][0])
        if problem["type"] == "extra_forbidden":
            return self._explain_unknown(name)
        if problem["type"] == "missing":
            return f"{name}: is required; set {_variable(name)}"
        rule = problem["msg"].removeprefix("Value error, ").removeprefix("Input ")
        return f"{name}{_shown(name, problem['input'])}: {rule} ({self._origin(name)})"

    def _explain_unknown(self, name: str) -> str:
        # Its value stays unsaid: this may be the secret under a mistyped name.
        match = get_close_matches(name, Settings.model_fields, n=1)
        if name not in self._environment:
            hint = f"; did you mean {match[0]}?" if match else ""
            return f"{name}: there is no such setting, but {self._path} has it{hint}"
        hint = f"; did you mean {_variable(match[0])}?" if match else ""
        return f"{_variable(name)}: there is no such setting, but the environment has it{hint}"

    def _origin(self, name: str) -> str:
        for key in (name, f"{name}_file"):
            if key in self._environment:
                return f"set by {_variable(key)}"
        for key in (name, f"{name}_file"):
            if key in self._file:
                return f"set by {key} in {self._path}; {_variable(name)} overrides it"
        return f"the default; {_variable(name)} overrides it"


def _read_environment() -> dict[str, Any]:
    """Return what `VOICE_NOTIFY_*` sets, with the names that no setting has: pydantic-settings passes over those."""
    names = {name.upper() for name in os.environ} - {_CONFIG_VARIABLE}
    given = {name.removeprefix(_PREFIX).lower() for name in names if name.startswith(_PREFIX)}
    return dict.fromkeys(given - Settings.model_fields.keys()) | EnvSettingsSource(Settings)()


def _read_file(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise SettingsError(f"{path}: there is no such file (set by {_CONFIG_VARIABLE})")
    try:
        return TomlConfigSettingsSource(Settings, path)()
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path}: cannot be read: {error}") from None


def _variable(name: str) -> str:
    return _PREFIX + name.upper()


def _shown(name: str, value: object) -> str:
    if name == "app_secret":
        return ""
    return f" = {redact_url(str(value))}" if name in {"base_url", "redis_url", "broker_url"} else f" = {value!r}"
