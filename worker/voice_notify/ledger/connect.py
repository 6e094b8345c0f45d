"""From settings to the store."""

from __future__ import annotations

from voice_notify.domain.windows import Limits
from voice_notify.errors import SettingsError
from voice_notify.ledger import keys
from voice_notify.ledger.client import Client
from voice_notify.ledger.ledger import Ledger
from voice_notify.ledger.patience import RetryInTime, attempt_timeout
from voice_notify.ledger.rules import LedgerRules
from voice_notify.ledger.scripts import Scripts
from voice_notify.settings import Settings


def connect(settings: Settings) -> Ledger:
    """The account's ledger. No connection is made before it is used. Raises `SettingsError`."""
    attempt_s = attempt_timeout(settings.store_timeout)
    try:
        client = Client.from_url(
            settings.redis_url.get_secret_value(),
            decode_responses=True,
            protocol=2,
            socket_connect_timeout=attempt_s,
            socket_timeout=attempt_s,
            health_check_interval=30,
            max_connections=2**31,  # `Client` keeps connections past the pool, which would count them as in use
            # Every script can be sent again: ids, keys and attempt tokens make a repetition harmless.
            retry=RetryInTime(settings.store_timeout, attempt_s),
        )
    except ValueError as error:  # it names an option of the query, and no value
        raise SettingsError(f"redis_url: {error}") from None
    return Ledger(Scripts(client, keys.prefix(settings.app_id), _rules(settings)))


def _rules(settings: Settings) -> LedgerRules:
    guard, rate = settings.window_guard, settings.max_calls_per_second
    return LedgerRules(
        limits=Limits(_ms(settings.min_interval + guard), settings.max_calls, _ms(settings.window + guard)),
        retention_ms=_ms(settings.retention),
        dead_retention_ms=_ms(settings.dead_retention) if settings.dead_retention else 0,
        max_line=settings.max_line,
        default_expires_ms=_ms(settings.default_expires),
        lease_ms=_ms(settings.call_lease),
        send_within_ms=_ms(settings.send_window),
        call_interval_ms=1000 / rate if rate else 0,
        daily_budget=settings.daily_budget or 0,
        suspect_run=settings.suspect_run,
        cooldown_ms=_ms(settings.breaker_cooldown),
        cooldown_max_ms=_ms(settings.breaker_cooldown_max),
        outage_run=settings.outage_run,
        outage_probe_ms=_ms(settings.outage_probe),
        outage_probe_max_ms=_ms(settings.outage_probe_max),
        urgent_priority=settings.urgent_priority,
    )


def _ms(seconds: float) -> int:
    return max(1, round(seconds * 1000))
