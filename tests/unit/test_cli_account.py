"""`voice-notify account show`: how the account stands, and what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.account import MAINTENANCE, NO_BALANCE, REFUSED, other_number
from tests.support.cli import Cli

if TYPE_CHECKING:
    pass


def test_an_open_account_asks_for_nothing(cli: Cli) -> None:
    """An open account shows what is open, due and ended and which workers are alive, and asks for nothing."""
    account = cli.account
    account.sweep(worker="one@host")
    account.call(account.submit(other_number(1)))
    account.granted(account.submit(other_number(2)))
    for _ in range(2):
        account.submit(other_number(3))
    assert cli.lines("account", "show") == [
        "test: open, calls go out",
        "open 2 waiting, 1 calling",
        "due now 1 number, not yet begun",
        "dead letters 0",
        "all-time 1 accepted, 0 expired, 0 cancelled",
        "spent today 2 billing units",
        "workers 1 alive: one@host",
    ]
    account.configure(daily_budget=5000)
    assert "spent today 2 of 5,000 (daily_budget) billing units" in cli.lines("account", "show")


def test_the_account_as_json(cli: Cli) -> None:
    """The same for programs."""
    cli.account.sweep(worker="one@host")
    cli.account.submit()
    assert cli.json("account", "show") == {
        "app_id": "test",
        "at": "2025-06-01T12:00:00.000+08:00",
        "paused": False,
        "pause": None,
        "pauses": [],
        "counts": {"waiting": 1, "calling": 0, "accepted": 0, "dead": 0, "expired": 0, "cancelled": 0},
        "due_now": 1,
        "refused_in_a_row": 0,
        "refused_with": None,
        "workers": ["one@host"],
        "spent_today": 0,
        "daily_budget": None,
        "next_steps": [],
    }


def test_an_empty_balance_is_shown_with_its_remedy(cli: Cli) -> None:
    """A pause of the breaker is shown with the provider's message, the time of the next probe, and what to do."""
    cli.account.sweep(worker="one@host")
    cli.account.call(cli.account.submit(), NO_BALANCE)
    lines = cli.lines("account", "show")
    assert lines[0] == (
        f"test: paused (603 {NO_BALANCE.message}) since 2025-06-01 12:00:01, one call probes it at 2025-06-01 12:01:01"
    )
    assert lines[-2] == "→ Top up the balance with the provider, then: voice-notify account resume"
    assert lines[-1] == (
        "→ Look at the dead letters: voice-notify dlq list, and when calls go out again: voice-notify dlq replay "
        "--reason account"
    )


def test_refusals_in_a_row_are_shown_before_they_pause_the_account(cli: Cli) -> None:
    """Refusals in a row are shown before they pause the account, and what pauses it after that."""
    for number in range(2):
        cli.account.call(cli.account.submit(other_number(number)), REFUSED)
    assert "failed in a row 2 with code 400; 3 pause the account (suspect_run)" in cli.lines("account", "show")
    cli.account.call(cli.account.submit(), REFUSED)
    document = cli.json("account", "show")
    assert (document["refused_in_a_row"], document["refused_with"]) == (3, "400")
    assert "app_secret" in document["next_steps"][0]


def test_an_outage_is_shown_before_and_after_it_pauses_the_account(cli: Cli) -> None:
    """How many numbers met it, how many pause the account, and that nobody has to resume it."""
    for number in range(4):
        cli.account.call(cli.account.submit(other_number(number)), MAINTENANCE)
    assert "failed in a row 4 maintenance; 5 pause the account (outage_run)" in cli.lines("account", "show")
    cli.account.call(cli.account.submit(), MAINTENANCE)
    lines = cli.lines("account", "show")
    assert lines[0].startswith(f"test: paused (maintenance 500 {MAINTENANCE.message}) since 2025-06-01 12:00:05, one")
    assert any("by themselves" in line for line in lines)


def test_without_a_worker_the_next_step_is_to_start_one(cli: Cli) -> None:
    """Without a worker the next step is to start one."""
    assert cli.lines("account", "show")[-2:] == [
        "workers none",
        "→ No worker is alive, nothing is called: celery -A voice_notify worker",
    ]


@pytest.mark.parametrize("reason", ["601", "602", "603", "604", "404", "manual", "a new one"])
def test_each_pause_has_its_advice(cli: Cli, reason: str) -> None:
    """Whatever pauses the account, the command that ends the pause is told."""
    cli.account.ledger.pause("x")
    cli.account.client.hset(f"{cli.account.prefix}account", "reason", reason)
    assert "voice-notify account resume" in cli.json("account", "show")["next_steps"][0]


def test_pausing_or_resuming_twice_changes_nothing(cli: Cli) -> None:
    """An account is paused by hand with a reason, and resumed; repeating that changes nothing."""
    assert cli.lines("account", "pause", "--why", "wrong text")[0].startswith("paused")
    assert cli.lines("account", "pause", "--why", "again") == ["already paused by hand"]
    assert cli.json("account", "show")["pause"] == {
        "reason": "manual",
        "message": "wrong text",
        "since": "2025-06-01T12:00:00.000+08:00",
        "until": None,
    }
    assert cli.lines("account", "resume") == ["resumed: calls go out"]
    assert cli.lines("account", "resume") == ["already open"]
    assert cli.account.ledger.account() is None


def test_a_pause_without_a_reason_is_wrong_use(cli: Cli) -> None:
    """A pause without a reason is wrong use."""
    assert cli.run("account", "pause").exit_code == 2
    assert cli.account.ledger.account() is None
