"""What `voice-notify doctor` looks at, each with its finding and what to do about it."""

from __future__ import annotations

import socket
import ssl
import stat
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

import certifi

from voice_notify.accounts import current_account
from voice_notify.cli.operate.finding import Finding, Level
from voice_notify.cli.operate.server_checks import check_server
from voice_notify.cli.rendering.output import show_span
from voice_notify.cli.rendering.views import show_pause
from voice_notify.errors import SettingsError, StoreUnavailable
from voice_notify.ledger.server import inspect
from voice_notify.settings import Settings, redact_url

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

#: The longest wait for another host, in seconds.
_PATIENCE = 2.0
_LOOPBACK = {None, "localhost", "127.0.0.1", "::1"}


def check_all() -> Iterator[Finding]:
    """Every finding, as soon as it is known; none takes longer than a few seconds."""
    try:
        settings = current_account().settings
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
    files = (settings.app_secret_file, settings.redis_url_file, settings.broker_url_file)
    exposed = [path for path in files if path and path.stat().st_mode & stat.S_IROTH]
    if exposed:
        text = f"every user of this host may read {', '.join(map(str, exposed))}"
        return Finding("secret", Level.WARNING, text, f"chmod o-rwx {' '.join(map(str, exposed))}")
    return Finding("secret", Level.OK, "present")


def _templates() -> Finding:
    try:
        templates = current_account().templates
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
    yield from check_server(found, url)
    yield _account()
    yield _workers()
    return True


def _account() -> Finding:
    pause = current_account().ledger.account()
    if pause:
        advice = "put the cause right, then voice-notify account resume"
        return Finding("account", Level.WARNING, show_pause(pause), advice)
    return Finding("account", Level.OK, "open, calls go out")


def _workers() -> Finding:
    ledger = current_account().ledger
    alive = sorted(ledger.workers())
    if not alive:
        text = f"none was heard of for {show_span(ledger.rules.worker_ttl_ms)}: nothing is called"
        return Finding("workers", Level.WARNING, text, "start one: celery -A voice_notify worker")
    return Finding("workers", Level.OK, f"{len(alive)} alive: {', '.join(alive)}")


def _tls(settings: Settings) -> Finding:
    urls = settings.redis_url.get_secret_value(), *settings.effective_broker_url.split(";")
    unverified = [url for url in urls if url.startswith("rediss:") and not _is_verified(url)]
    if unverified:
        text = f"the certificate of {urlsplit(unverified[0]).hostname} is not verified: anyone on the way can be Redis"
        return Finding("tls", Level.WARNING, text, "take ssl_cert_reqs and ssl_check_hostname out of the URL")
    plain = [url for url in urls if url.startswith(("redis:", "amqp:")) and urlsplit(url).hostname not in _LOOPBACK]
    if plain:
        text = f"no TLS to {urlsplit(plain[0]).hostname}: numbers and words can be read on the way"
        return Finding("tls", Level.WARNING, text, "use rediss:// or amqps://, unless the network is yours alone")
    tls = any(url.startswith(("rediss:", "amqps:")) for url in urls)
    return Finding("tls", Level.OK, "certificates are verified" if tls else "not needed on this host")


def _is_verified(url: str) -> bool:
    options = dict(parse_qsl(urlsplit(url).query))
    required = options.get("ssl_cert_reqs", "required").removeprefix("CERT_").lower() == "required"
    return required and options.get("ssl_check_hostname", "true").lower() not in {"false", "f", "no", "n", "0"}


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
