"""A server's certificate, and a client that trusts it."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from tests.support.bare_provider import KEY_AND_CERTIFICATE
from voice_notify.provider import transport


@pytest.fixture
def certificate(tmp_path: Path) -> str:
    """The file with the certificate of a server that is called localhost, and with its key."""
    pem = tmp_path / "localhost.pem"
    pem.write_text(KEY_AND_CERTIFICATE)
    return str(pem)


@pytest.fixture
def server_context(certificate: str) -> ssl.SSLContext:
    """TLS for that server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def trusted(monkeypatch: pytest.MonkeyPatch, certificate: str) -> None:
    """Let the client trust that certificate."""
    monkeypatch.setattr(transport, "DEFAULT_CA_BUNDLE_PATH", certificate)
