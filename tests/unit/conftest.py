"""The command line and the task of an account of its own; a server's certificate, and a client that trusts it."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support import tls
from tests.support.cli import Cli, command_line
from voice_notify.provider import transport

if TYPE_CHECKING:
    from voice_notify.producer.notify_task import TypedNotify


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cli]:
    """The command line on an account of its own, which is also that of `notify`."""
    with command_line(monkeypatch) as cli:
        yield cli


@pytest.fixture
def notify(cli: Cli) -> TypedNotify:  # noqa: ARG001 - the account that it works for
    """The task, whose module reads the settings."""
    from voice_notify.producer.notify_task import notify  # noqa: PLC0415

    return notify


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
