"""What `voice-notify doctor` looks at, each with its finding and what to do about it."""

from __future__ import annotations

import socket
import ssl
import stat
from collections.abc import Callable, Generator, Iterator
from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import certifi

from voice_notify.accounts import Account
from voice_notify.cli.click_options import zone_of
from voice_notify.cli.operate.doctor_redis import check_server
from voice_notify.cli.rendering.pause import show_pause
from voice_notify.cli.rendering.times import show_span
from voice_notify.documents.doctor import FindingDocument
from voice_notify.documents.pause import PauseDocument
from voice_notify.errors import SettingsError, StoreUnavailable
from voice_notify.ledger.dead_letters import DeadLetters
from voice_notify.ledger.redis_server import inspect
from voice_notify.settings import Settings, redact_url

#: The longest wait for another host.
_CONNECT_TIMEOUT_S = 2.0
#: Dead letters that are deleted in that time are told.
_DROPPED_SOON = timedelta(days=7)
#: Host names that lead to this host itself.
_LOOPBACK = {None, "localhost", "127.0.0.1", "::1"}


def check_all(load_account: Callable[[], Account]) -> Iterator[FindingDocument]:
    """Every finding, as soon as it is known; none takes longer than a few seconds.

    `load_account` raises `SettingsError` where the settings cannot be used, which is a finding.
    """
    try:
        account = load_account()
    except SettingsError as error:
        yield FindingDocument.failed("settings", str(error), "correct this first: all other checks need it")
        return
    settings = account.settings
    yield FindingDocument.ok("settings", f"valid, for account {settings.app_id}")
    yield check_secret(settings)
    yield _templates(account)
    reached = yield from _redis(account)
    yield check_tls(settings)
    if reached or settings.broker_url:  # else the broker is the Redis that was not reached
        yield _broker(settings)
    yield check_provider(settings)


def check_secret(settings: Settings) -> FindingDocument:
    try:
        settings.read_app_secret()
    except SettingsError as error:
        return FindingDocument.failed("secret", str(error), "a host that only submits, and runs no worker, needs none")
    files = (settings.app_secret_file, settings.redis_url_file, settings.broker_url_file)
    exposed = [path for path in files if path and path.stat().st_mode & stat.S_IROTH]
    if exposed:
        text = f"every user of this host may read {', '.join(map(str, exposed))}"
        return FindingDocument.warning("secret", text, f"chmod o-rwx {' '.join(map(str, exposed))}")
    return FindingDocument.ok("secret", "present")


def _templates(account: Account) -> FindingDocument:
    try:
        templates = account.templates
    except SettingsError as error:
        return FindingDocument.failed("templates", str(error), "correct the file")
    if not templates:
        return FindingDocument.warning(
            "templates",
            "none declared: a wrong number of variables is only found by the provider",
            "declare your templates in config/templates.toml, or set VOICE_NOTIFY_TEMPLATES_FILE",
        )
    return FindingDocument.ok("templates", f"{len(templates)} declared")


def _redis(account: Account) -> Generator[FindingDocument, None, bool]:
    """All findings that need Redis. Returns whether it was reached."""
    settings = account.settings
    url = redact_url(settings.redis_url.get_secret_value())
    try:
        found = inspect(settings)
    except StoreUnavailable as error:
        yield FindingDocument.failed("redis", f"{url}: {error}", "start Redis, or correct VOICE_NOTIFY_REDIS_URL")
        return False
    yield from check_server(found, url)
    yield _account(account)
    yield _workers(account)
    yield _dead_letters(account)
    return True


def _account(account: Account) -> FindingDocument:
    pause = account.ledger.account()
    if pause:
        shown = show_pause(PauseDocument.of(pause, zone_of(account)))
        return FindingDocument.warning("account", shown, "remove the cause, then voice-notify account resume")
    return FindingDocument.ok("account", "open, calls go out")


def _workers(account: Account) -> FindingDocument:
    alive = sorted(account.ledger.workers())
    if not alive:
        silence = show_span(timedelta(milliseconds=account.ledger.rules.worker_ttl_ms))
        text = f"none has been heard of for {silence}: nothing is called"
        return FindingDocument.warning("workers", text, "start one: celery -A voice_notify worker")
    return FindingDocument.ok("workers", f"{len(alive)} alive: {', '.join(alive)}")


def _dead_letters(account: Account) -> FindingDocument:
    dead_letters = DeadLetters(account.ledger.scripts)
    soon = dead_letters.dropped_within(round(_DROPPED_SOON.total_seconds() * 1000))
    if soon:
        text = f"{soon} of {dead_letters.count()} are deleted within {show_span(_DROPPED_SOON)} (dead_retention)"
        return FindingDocument.warning("dead letters", text, "voice-notify dlq export keeps a copy of them")
    return FindingDocument.ok("dead letters", f"{dead_letters.count()}")


def check_tls(settings: Settings) -> FindingDocument:
    urls = settings.redis_url.get_secret_value(), *settings.effective_broker_url.split(";")
    unverified = [url for url in urls if url.startswith("rediss:") and not _is_verified(url)]
    if unverified:
        text = f"the certificate of {urlsplit(unverified[0]).hostname} is not verified: anyone on the way can be Redis"
        return FindingDocument.warning("tls", text, "take ssl_cert_reqs and ssl_check_hostname out of the URL")
    plain = [url for url in urls if url.startswith(("redis:", "amqp:")) and urlsplit(url).hostname not in _LOOPBACK]
    if plain:
        text = f"no TLS to {urlsplit(plain[0]).hostname}: numbers and texts can be read on the way"
        return FindingDocument.warning("tls", text, "use rediss:// or amqps://, unless the network is yours alone")
    tls = any(url.startswith(("rediss:", "amqps:")) for url in urls)
    return FindingDocument.ok("tls", "certificates are verified" if tls else "not needed on this host")


def _is_verified(url: str) -> bool:
    options = dict(parse_qsl(urlsplit(url).query))
    required = options.get("ssl_cert_reqs", "required").removeprefix("CERT_").lower() == "required"
    return required and options.get("ssl_check_hostname", "true").lower() not in {"false", "f", "no", "n", "0"}


def _broker(settings: Settings) -> FindingDocument:
    # Importing Celery's application reads the settings.
    from voice_notify.celery import app  # noqa: PLC0415

    urls = settings.effective_broker_url.split(";")
    shown = ";".join(redact_url(url) for url in urls)
    quick = {"socket_timeout": _CONNECT_TIMEOUT_S} if "redis" in urls[0].partition(":")[0] else {}
    try:
        with app.connection_for_write(connect_timeout=_CONNECT_TIMEOUT_S, transport_options=quick) as connection:
            connection.ensure_connection(max_retries=len(urls) - 1, interval_start=0, interval_step=0)
    except Exception as error:  # noqa: BLE001 - whatever a transport raises is the finding
        return FindingDocument.failed(
            "broker", f"{shown}: {error}", "start the broker, or correct VOICE_NOTIFY_BROKER_URL"
        )
    return FindingDocument.ok("broker", shown)


def check_provider(settings: Settings) -> FindingDocument:
    """Connect, and never send a request: that would be a call."""
    parts = urlsplit(settings.base_url)
    host, tls = str(parts.hostname), parts.scheme == "https"
    port = parts.port or (443 if tls else 80)
    try:
        with socket.create_connection((host, port), timeout=_CONNECT_TIMEOUT_S) as connection:
            if tls:
                # The certificates that the client trusts too.
                context = ssl.create_default_context(cafile=certifi.where())
                with context.wrap_socket(connection, server_hostname=host):
                    pass
    except OSError as error:
        advice = "check the network, a firewall, and VOICE_NOTIFY_BASE_URL"
        return FindingDocument.failed("provider", f"{host}:{port}: {error}", advice)
    return FindingDocument.ok("provider", f"{host}:{port} answers{', TLS verified' if tls else ''}")
