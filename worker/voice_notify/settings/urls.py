"""URLs that may hold a password: how they are shown, and what they may look like."""

import re
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from pydantic import Secret

_REDIS_SCHEMES = ("redis", "rediss", "unix")
_BROKER_SCHEMES = ("redis", "rediss", "amqp", "amqps")
_PROVIDER_SCHEMES = ("https", "http")


class SecretUrl(Secret[str]):
    """A URL that shows itself without its password: `redis://app:***@10.0.0.5:6379/0`."""

    def _display(self) -> str:
        return redact_url(self.get_secret_value())


def redact_url(url: str) -> str:
    """Return `url` with `***` for each password; text that is not a URL may be a password itself and is hidden whole.

    >>> redact_url("redis://app:secret@10.0.0.5:6379/0")
    'redis://app:***@10.0.0.5:6379/0'
    """
    if "://" not in url:
        return "***"
    userinfo, at, rest = url.rpartition("@")
    if at:
        scheme, _, login = userinfo.partition("://")
        user = login.partition(":")[0] if ":" in login else ""
        url = f"{scheme}://{user}:***@{rest}"
    return re.sub(r"(?i)(password=)[^&#]*", r"\1***", url)


def check_redis_url(url: str) -> None:
    """Raise `ValueError` unless `url` may be that of a Redis server."""
    _check_url(url, _REDIS_SCHEMES)


def check_broker_url(urls: str) -> None:
    """Raise `ValueError` unless `urls` may be a broker's URL, or several to fail over to, separated by semicolons."""
    schemes = {_check_url(url, _BROKER_SCHEMES).scheme for url in urls.split(";")}
    # kombu connects to all of a list as to the first: with or without TLS, with or without a look at the certificate.
    if len(schemes) > 1:
        raise ValueError(f"should have one scheme for all, not {' and '.join(sorted(schemes))}")


def check_provider_url(url: str) -> None:
    """Raise `ValueError` unless `url` is an address to send requests to, with TLS where it leaves this machine."""
    parts = _check_url(url, _PROVIDER_SCHEMES)
    if not parts.hostname or parts.username is not None or parts.query or parts.fragment:
        raise ValueError("should be an address without login, query or fragment")
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise ValueError("should begin with https://; only a loopback address may do without TLS")


def to_kombu_url(url: str) -> str:
    """Return `url` as kombu spells it: a Unix socket has another scheme there, and its database another parameter."""
    if not url.startswith("unix://"):
        return url
    return re.sub(r"([?&])db=", r"\1virtual_host=", url.replace("unix://", "redis+socket://", 1))


def _check_url(url: str, schemes: tuple[str, ...]) -> SplitResult:
    # Split by the same function that redis-py and kombu use: what passes here cannot fail there.
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:  # its message can hold a part of the password
        raise ValueError("should be a URL with a number as port and a percent-encoded password") from None
    if parts.scheme not in schemes:
        raise ValueError(f"should begin with {' or '.join(f'{scheme}://' for scheme in schemes)}")
    return parts


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
