"""Every setting, with its default and its rule. Times are in seconds and may be fractional."""

import re
from enum import StrEnum
from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, SecretStr, ValidationInfo, field_validator

from voice_notify.domain.budget import LEAST_DAILY_BUDGET
from voice_notify.domain.notification import MAX_SECONDS, OnUnconfirmed
from voice_notify.errors import SettingsError
from voice_notify.settings.secret_files import SecretFile
from voice_notify.settings.urls import SecretUrl, check_broker_url, check_provider_url, check_redis_url, to_kombu_url

VARIABLE_PREFIX = "VOICE_NOTIFY_"

_MILLISECOND_S = 0.001  # what the ledger counts in
_HOUR_S = 3600
_DAY_S = 86_400
#: How long an outcome may take to reach the ledger after its call has ended.
_SETTLEMENT_ALLOWANCE_S = 2.0
_APP_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_MAX_AND_ITS_BASE = {
    "backoff_max": "backoff_base",
    "breaker_cooldown_max": "breaker_cooldown",
    "outage_probe_max": "outage_probe",
}


def variable_of(name: str) -> str:
    """Return the environment variable of a setting: `VOICE_NOTIFY_MAX_CALLS` of `max_calls`."""
    return VARIABLE_PREFIX + name.upper()


class LogFormat(StrEnum):
    """How a worker writes its log."""

    CONSOLE = "console"  #: for people
    JSON = "json"  #: one object per line


class Settings(BaseModel):
    """All settings of one account. It reads no environment and no file, but takes what it is given.

    >>> Settings(app_id="shop", min_interval=0.5).max_calls
    5
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        allow_inf_nan=False,
        str_strip_whitespace=True,  # a secret often arrives with the line end of the file it came from
        validate_default=True,  # a rule between two settings applies to a default too
    )

    # The account. Only workers need the secret, and get it from `read_app_secret`.
    app_id: str
    app_secret_file: Path | None = None
    app_secret: SecretStr | None = None
    base_url: str = "https://api.jumdata.com/voice-notify/send-v2"

    # Redis and the broker; without a `broker_url`, Redis is the broker.
    redis_url_file: Path | None = None
    redis_url: SecretUrl = SecretUrl("redis://127.0.0.1:6379/0")
    store_timeout: float = Field(default=3, ge=0.1, le=60)
    broker_url_file: Path | None = None
    broker_url: SecretUrl | None = None

    # The windows of one number (PROVIDER.md, Rules of use).
    min_interval: float = Field(default=30, ge=0, le=_DAY_S)
    max_calls: int = Field(default=5, ge=1, le=100)
    window: float = Field(default=_DAY_S, ge=_MILLISECOND_S, le=31 * _DAY_S)
    window_guard: float = Field(default=0.5, ge=0, le=60)

    # A call.
    connect_timeout: float = Field(default=3, ge=_MILLISECOND_S, le=60)
    read_timeout: float = Field(default=10, ge=_MILLISECOND_S, le=300)
    calls_in_flight: int = Field(default=16, ge=1, le=256)
    reserved_calls: int = Field(default=1, ge=0, le=255)
    urgent_priority: int = Field(default=7, ge=0, le=9)
    max_calls_per_second: float | None = Field(default=None, ge=0.001, le=10_000)
    daily_budget: int | None = Field(default=None, ge=LEAST_DAILY_BUDGET, le=1_000_000_000)

    # A notification.
    max_attempts: int = Field(default=12, ge=1, le=100)
    backoff_base: float = Field(default=2, ge=_MILLISECOND_S, le=_HOUR_S)
    backoff_max: float = Field(default=300, ge=_MILLISECOND_S, le=_DAY_S)
    default_expires: float = Field(default=_DAY_S, ge=_MILLISECOND_S, le=MAX_SECONDS)
    on_unconfirmed: OnUnconfirmed = OnUnconfirmed.RESEND
    max_unconfirmed: int = Field(default=2, ge=0, le=100)
    max_line: int = Field(default=1000, ge=1, le=1_000_000)
    retention: float = Field(default=7 * _DAY_S, ge=_MILLISECOND_S, le=MAX_SECONDS)
    dead_retention: float = Field(default=90 * _DAY_S, ge=0, le=MAX_SECONDS)
    timezone: str = "Asia/Shanghai"
    templates_file: Path | None = None

    # The account's breaker.
    suspect_run: int = Field(default=10, ge=1, le=1000)
    breaker_cooldown: float = Field(default=60, ge=_MILLISECOND_S, le=_DAY_S)
    breaker_cooldown_max: float = Field(default=900, ge=_MILLISECOND_S, le=_DAY_S)
    outage_run: int = Field(default=5, ge=1, le=1000)
    outage_probe: float = Field(default=2, ge=_MILLISECOND_S, le=_HOUR_S)
    outage_probe_max: float = Field(default=60, ge=_MILLISECOND_S, le=_HOUR_S)

    # What a worker writes. The level is Celery's `--loglevel`.
    spool: Path | None = None
    log_format: LogFormat = LogFormat.CONSOLE

    _secret_file: SecretFile | None = PrivateAttr(default=None)

    @property
    def effective_broker_url(self) -> str:
        """The broker's URL for Celery, with its password."""
        return to_kombu_url((self.broker_url or self.redis_url).get_secret_value())

    @property
    def send_window(self) -> float:
        """Seconds that a request may take, from the grant of its call, until it is on the wire."""
        return 2 * self.connect_timeout

    @property
    def call_lease(self) -> float:
        """Seconds that a call may be in flight before its lease runs out and its outcome is unknown."""
        return self.send_window + self.read_timeout + _SETTLEMENT_ALLOWANCE_S

    def read_app_secret(self) -> str:
        """Return the account's secret as it is now. Call this for each request: that is how a rotation is noticed.

        Raises `SettingsError` if there is none. A worker needs one, a producer does not.
        """
        if self._secret_file is not None:
            try:
                return self._secret_file.read()
            except ValueError as error:
                raise SettingsError(f"app_secret_file: {error} ({variable_of('app_secret_file')})") from None
        if self.app_secret is None:
            raise SettingsError(f"app_secret: a worker needs it; set {variable_of('app_secret')} or …_FILE")
        return self.app_secret.get_secret_value()

    def model_post_init(self, _context: object, /) -> None:
        if self.app_secret_file is not None:
            self._secret_file = SecretFile(self.app_secret_file)

    @field_validator("app_id")
    @classmethod
    def _check_app_id(cls, app_id: str) -> str:
        if not _APP_ID.fullmatch(app_id):
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
        # The account's secret is read later, by `read_app_secret`: a producer that shares a worker's configuration may
        # have no right to read it.
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
        check_redis_url(url.get_secret_value())
        return url

    @field_validator("broker_url")
    @classmethod
    def _check_broker_url(cls, url: SecretUrl | None) -> SecretUrl | None:
        if url is not None:
            check_broker_url(url.get_secret_value())
        return url

    @field_validator("base_url")
    @classmethod
    def _check_base_url(cls, url: str) -> str:
        check_provider_url(url)
        return url

    @field_validator("timezone")
    @classmethod
    def _check_timezone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            raise ValueError("should be a name of the time zone database, like Asia/Shanghai") from None
        return name

    @field_validator(*_MAX_AND_ITS_BASE)
    @classmethod
    def _check_order(cls, most: float, info: ValidationInfo) -> float:
        least = _MAX_AND_ITS_BASE[str(info.field_name)]
        if most < info.data.get(least, 0):
            raise ValueError(f"should be at least {least}, which is {info.data[least]:g}")
        return most
