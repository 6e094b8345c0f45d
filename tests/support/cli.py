"""The command line over an account of its own: fakeredis, virtual time, no broker and no environment."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import fakeredis
import pytest
from click.testing import CliRunner, Result

from tests.support.account import ACCEPTED, Account, other_number
from tests.support.worker import ROOT
from voice_notify.accounts import Account as ConfiguredAccount
from voice_notify.accounts import current_account
from voice_notify.cli import main
from voice_notify.domain.outcome import Outcome

SECRET = "a-secret-of-tests"


class Cli:
    """`voice-notify` and the account that it works on."""

    def __init__(self, account: Account) -> None:
        self.account = account

    def run(self, *arguments: str, stdin: str | bytes | None = None) -> Result:
        """Run a command; what it raises beyond a click error fails the test."""
        return CliRunner().invoke(main, arguments, input=stdin, catch_exceptions=False)

    def lines(self, *arguments: str, stdin: str | bytes | None = None) -> list[str]:
        """Each line that a command prints, with single spaces; it must succeed."""
        result = self.run(*arguments, stdin=stdin)
        assert result.exit_code == 0, result.output
        return [" ".join(line.split()) for line in result.stdout.splitlines()]

    def json(self, *arguments: str, stdin: str | bytes | None = None) -> Any:  # noqa: ANN401 - what it prints
        """What a command prints with `--json`, whether it succeeds or not."""
        return json.loads(self.run(*arguments, "--json", stdin=stdin).stdout)

    def bury(self, **outcomes: Outcome) -> list[str]:
        """Make dead letters: by id, the outcome that ended each. Each has a number of its own, from 0 on."""
        for number, (id_, outcome) in enumerate(outcomes.items()):
            self.account.submit(other_number(number), id=id_, on_unconfirmed="dead_letter")
            self.account.call(id_, outcome)
            self.account.ledger.resume()
        return list(outcomes)

    def bury_called(self, id_: str) -> None:
        """Make a dead letter whose phone rang: its worker was lost, and its success arrived after that."""
        self.account.submit(other_number(9), id=id_, on_unconfirmed="dead_letter")
        self.account.settle(self.account.lose_call(id_), ACCEPTED)

    def dead_letters(self, *filters: str) -> list[str]:
        """The ids of the dead letters, the oldest first."""
        return [each["id"] for each in self.json("dlq", "list", *filters)["letters"]]


@contextmanager
def sigint(handler: Any) -> Iterator[None]:  # noqa: ANN401 - what `signal.signal` takes
    """Handle Ctrl-C like this, however these tests were started: in the background of a script it is ignored."""
    before = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


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
    yield cli
    current_account.cache_clear()
