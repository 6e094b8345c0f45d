"""What `voice-notify doctor` looks at, each with its finding and what to do about it."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import certifi

from voice_notify import runtime
from voice_notify.cli.output import show_span
from voice_notify.cli.views import show_pause
from voice_notify.errors import SettingsError, StoreUnavailable
from voice_notify.settings import Settings, redact_url
from voice_notify.store.inspection import Inspection, inspect

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

#: The oldest Redis whose scripts and commands suffice.
_OLDEST_REDIS = (6, 2)
#: More difference between two clocks than this is noticed, in milliseconds.
_CLOCK_TOLERANCE_MS = 1000
#: The longest wait for another host, in seconds.
_PATIENCE = 2.0
_LOOPBACK = {None, "localhost", "127.0.0.1", "::1"}


class Level(StrEnum):
    """How good it is."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check."""

    check: str
    level: Level
    text: str
    advice: str = ""  #: what to do; empty where all is well


def check_all() -> Iterator[Finding]:
    """Every finding, as soon as it is known; none takes longer than a few seconds."""
    try:
        settings = runtime.settings()
    except SettingsError as error:
        yield Finding("settings", Level.FAILED, str(error), "put this right first: all other checks need it")
        return
    yield Finding("settings", Level.OK, f"valid, for account {settings.app_id}")
    yield _secret(settings)
    yield _templates()
    reached = yield from _redis(settings)
    yield _tls(settings)
    if reached or settings.broker_url:  # else the broker is the Redis that was not reached
        yield _broker(settings)
    yield _provider(settings)


def _secret(settings: Settings) -> Finding:
    try:
        settings.read_app_secret()
    except SettingsError as error:
        return Finding("secret", Level.FAILED, str(error), "a host that only submits, and runs no worker, needs none")
    return Finding("secret", Level.OK, "present")


def _templates() -> Finding:
    try:
        templates = runtime.templates()
    except SettingsError as error:
        return Finding("templates", Level.FAILED, str(error), "correct the file")
    if not templates:
        return Finding(
            "templates",
            Level.WARNING,
            "none declared: a wrong number of variables is only found by the provider",
            "declare your templates in config/templates.toml, or set VOICE_NOTIFY_TEMPLATES_FILE",
        )
    return Finding("templates", Level.OK, f"{len(templates)} declared")


def _redis(settings: Settings) -> Generator[Finding, None, bool]:
    """All that needs Redis; whether it was reached."""
    url = redact_url(settings.redis_url.get_secret_value())
    try:
        found = inspect(settings)
    except StoreUnavailable as error:
        yield Finding("redis", Level.FAILED, f"{url}: {error}", "start Redis, or correct VOICE_NOTIFY_REDIS_URL")
        return False
    yield _version(found, url)
    yield _memory(found)
    yield _persistence(found)
    yield _clock(found)
    yield _account()
    yield _workers()
    return True


def _version(found: Inspection, url: str) -> Finding:
    text = f"{'.'.join(str(part) for part in found.version)} at {url}"
    if found.version < _OLDEST_REDIS:
        return Finding("redis", Level.FAILED, text, "install Redis 6.2 or newer, or Valkey")
    return Finding("redis", Level.OK, text)


def _memory(found: Inspection) -> Finding:
    check, policy = "redis memory", found.maxmemory_policy
    advice = "set maxmemory-policy noeviction: else Redis throws notifications and windows away when memory is short"
    if policy is None:
        return Finding(check, Level.WARNING, "the server does not tell its maxmemory-policy", advice)
    return Finding(check, Level.OK, policy) if policy == "noeviction" else Finding(check, Level.FAILED, policy, advice)


def _persistence(found: Inspection) -> Finding:
    check = "redis persistence"
    if not found.appendonly:
        text = "append-only file off" if found.appendonly is False else "the server does not tell its appendonly"
        advice = "set appendonly yes: else a restart of Redis loses notifications"
        return Finding(check, Level.WARNING, text, advice)
    text = f"append-only file on, appendfsync {found.appendfsync or 'not told'}"
    if found.appendfsync == "no":
        return Finding(check, Level.WARNING, text, "set appendfsync everysec, or always: a power failure loses much")
    return Finding(check, Level.OK, text)


def _clock(found: Inspection) -> Finding:
    difference = found.clock_ahead_ms
    text = f"Redis's is {abs(difference)} ms {'ahead' if difference > 0 else 'behind'}"
    if abs(difference) > _CLOCK_TOLERANCE_MS:
        return Finding(
            "clock", Level.WARNING, text, "keep both hosts' clocks with NTP: the provider checks the timestamp"
        )
    return Finding("clock", Level.OK, text)


def _account() -> Finding:
    pause = runtime.ledger().account()
    if pause:
        advice = "put the cause right, then voice-notify account resume"
        return Finding("account", Level.WARNING, show_pause(pause), advice)
    return Finding("account", Level.OK, "open, calls go out")


def _workers() -> Finding:
    ledger = runtime.ledger()
    alive = sorted(ledger.workers())
    if not alive:
        text = f"none was heard of for {show_span(ledger.options.worker_ttl_ms)}: nothing is called"
        return Finding("workers", Level.WARNING, text, "start one: celery -A voice_notify worker")
    return Finding("workers", Level.OK, f"{len(alive)} alive: {', '.join(alive)}")


def _tls(settings: Settings) -> Finding:
    urls = settings.redis_url.get_secret_value(), *settings.effective_broker_url.split(";")
    plain = [url for url in urls if url.startswith(("redis:", "amqp:")) and urlsplit(url).hostname not in _LOOPBACK]
    if plain:
        text = f"no TLS to {urlsplit(plain[0]).hostname}: numbers and words can be read on the way"
        return Finding("tls", Level.WARNING, text, "use rediss:// or amqps://, unless the network is yours alone")
    return Finding("tls", Level.OK, "used, or not needed")


def _broker(settings: Settings) -> Finding:
    # Importing Celery's application reads the settings.
    from voice_notify.celery import app  # noqa: PLC0415

    urls = settings.effective_broker_url.split(";")
    shown = ";".join(redact_url(url) for url in urls)
    quick = {"socket_timeout": _PATIENCE} if "redis" in urls[0].partition(":")[0] else {}
    try:
        with app.connection_for_write(connect_timeout=_PATIENCE, transport_options=quick) as connection:
            connection.ensure_connection(max_retries=len(urls) - 1, interval_start=0, interval_step=0)
    except Exception as error:  # noqa: BLE001 - whatever a transport raises is the finding
        return Finding(
            "broker", Level.FAILED, f"{shown}: {error}", "start the broker, or correct VOICE_NOTIFY_BROKER_URL"
        )
    return Finding("broker", Level.OK, shown)


def _provider(settings: Settings) -> Finding:
    """Connect, and never send a request: that would be a call."""
    parts = urlsplit(settings.base_url)
    host, tls = str(parts.hostname), parts.scheme == "https"
    port = parts.port or (443 if tls else 80)
    try:
        with socket.create_connection((host, port), timeout=_PATIENCE) as connection:
            if tls:
                # The certificates that the client trusts too.
                context = ssl.create_default_context(cafile=certifi.where())
                with context.wrap_socket(connection, server_hostname=host):
                    pass
    except OSError as error:
        advice = "check the network, a firewall, and VOICE_NOTIFY_BASE_URL"
        return Finding("provider", Level.FAILED, f"{host}:{port}: {error}", advice)
    return Finding("provider", Level.OK, f"{host}:{port} answers{', TLS verified' if tls else ''}")
