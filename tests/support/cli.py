"""The command line over an account of its own: fakeredis, virtual time, no broker and no environment."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import fakeredis
from click.testing import CliRunner, Result

from tests.support.account import Account
from tests.support.worker import ROOT
from voice_notify import notify
from voice_notify.accounts import Account as ConfiguredAccount
from voice_notify.accounts import current_account
from voice_notify.cli import main

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

SECRET = "a-secret-of-tests"


class Cli:
    """`voice-notify` and the account that it works on."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.wakeups: list[list[str]] = []

    def run(self, *arguments: str, stdin: str | bytes | None = None) -> Result:
        """Run a command; what it raises beyond a click error fails the test."""
        return CliRunner().invoke(main, arguments, input=stdin, catch_exceptions=False)

    def lines(self, *arguments: str, stdin: str | bytes | None = None) -> list[str]:
        """The words of each line that a command prints; it must succeed."""
        result = self.run(*arguments, stdin=stdin)
        assert result.exit_code == 0, result.output
        return [" ".join(line.split()) for line in result.stdout.splitlines()]

    def json(self, *arguments: str, stdin: str | bytes | None = None) -> Any:  # noqa: ANN401 - what it prints
        """What a command prints with `--json`, whether it succeeds or not."""
        return json.loads(self.run(*arguments, "--json", stdin=stdin).stdout)


@contextmanager
def command_line(monkeypatch: pytest.MonkeyPatch, **settings: str) -> Iterator[Cli]:
    """The command line with these settings, and nothing of this process's own."""
    for name in os.environ:
        if name.startswith("VOICE_NOTIFY_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(ROOT)
    defaults = {"app_id": "test", "app_secret": SECRET, "base_url": "http://127.0.0.1:1/voice-notify/send-v2"}
    for name, value in (defaults | settings).items():
        monkeypatch.setenv(f"VOICE_NOTIFY_{name.upper()}", value)
    cli = Cli(Account(fakeredis.FakeRedis(decode_responses=True)))
    monkeypatch.setattr(ConfiguredAccount, "ledger", property(lambda _: cli.account.ledger))
    current_account.cache_clear()
    monkeypatch.setattr(notify.wakeups, "send", lambda id_, _: cli.wakeups.append([id_]))
    monkeypatch.setattr(notify.wakeups, "offer", lambda id_: f"wake-{id_}")
    yield cli
    current_account.cache_clear()
