"""The account: whether calls go out, what is open, and what to do next."""

from __future__ import annotations

from voice_notify.cli.rendering.output import print_fields, print_text
from voice_notify.cli.rendering.pause import show_pause
from voice_notify.documents.account import AccountDocument
from voice_notify.domain.reasons import PauseReason
from voice_notify.domain.states import State

#: What many numbers in a row met that is the provider's illness.
_OUTAGE = {PauseReason.UNREACHABLE, PauseReason.MAINTENANCE}


def print_account(account: AccountDocument, suspect_run: int, outage_run: int) -> None:
    """All of it; so many failures in a row as `suspect_run` or `outage_run` pause the account."""
    states = [show_pause(pause) for pause in account.pauses] or ["open, calls go out"]
    for state in states:
        print_text(f"{account.app_id}: {state}")
    print_fields(_fields(account, suspect_run, outage_run))
    for step in account.next_steps:
        print_text(f"→ {step}")


def _fields(account: AccountDocument, suspect_run: int, outage_run: int) -> list[tuple[str, str]]:
    run = f"{account.refused_in_a_row} with code {account.refused_with}; {suspect_run} pause the account (suspect_run)"
    if account.refused_with in _OUTAGE:
        run = f"{account.refused_in_a_row} {account.refused_with}; {outage_run} pause the account (outage_run)"
    budget = f" of {account.daily_budget:,} (daily_budget)" if account.daily_budget else ""
    workers = account.workers
    return [
        ("open", _count(account, State.WAITING, State.CALLING)),
        ("due now", f"{account.due_now:,} number{'s' * (account.due_now != 1)}, not yet begun"),
        ("dead letters", f"{account.counts[State.DEAD]:,}"),
        ("all-time", _count(account, State.ACCEPTED, State.EXPIRED, State.CANCELLED)),
        ("spent today", f"{account.spent_today:,}{budget} billing units"),
        ("failed in a row", run if account.refused_in_a_row else ""),
        ("workers", f"{len(workers)} alive: {', '.join(workers)}" if workers else "none"),
    ]


def _count(account: AccountDocument, *states: State) -> str:
    return ", ".join(f"{account.counts[state]:,} {state}" for state in states)
