"""A server's certificate, and a client that trusts it."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from tests.support import tls
from voice_notify.provider import transport


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """The file with the certificate of a server that is called localhost, and with its key."""
    return tmp_path / "localhost.pem"


@pytest.fixture
def server_context(certificate: Path) -> ssl.SSLContext:
    """TLS for that server."""
    return tls.server_context(certificate)


@pytest.fixture
def trusted(monkeypatch: pytest.MonkeyPatch, certificate: Path, server_context: ssl.SSLContext) -> None:  # noqa: ARG001 - it writes the certificate
    """Let the client trust that certificate."""
    monkeypatch.setattr(transport, "DEFAULT_CA_BUNDLE_PATH", str(certificate))
