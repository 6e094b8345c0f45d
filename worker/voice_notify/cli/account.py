"""`voice-notify account`: the account as a whole."""

from __future__ import annotations

import click

from voice_notify.accounts import current_account
from voice_notify.cli.click_options import examples, json_option
from voice_notify.cli.rendering.output import iso_time, print_fields, print_json, print_text
from voice_notify.cli.rendering.views import pause_document, show_pause
from voice_notify.domain.states import State
from voice_notify.ledger.account_status import AccountStatus, read_account_status
from voice_notify.ledger.rules import LedgerRules

#: What ends a pause, by its reason.
_ADVICE = {
    "601": "Have the provider enable the voice API for this account, then: voice-notify account resume",
    "602": "The provider has suspended the account: ask it why, then: voice-notify account resume",
    "603": "Top up the balance with the provider, then: voice-notify account resume",
    "604": "The provider has withdrawn the API: ask it, then: voice-notify account resume",
    "404": "Look at the setting base_url: the provider does not know that address. Then: voice-notify account resume",
    "suspect": "One number after another was refused alike: look at app_id, app_secret and the template, "
    "then: voice-notify account resume",
    "quota": "The provider's limit of the day is reached: calls go out again by themselves at the time above.",
    "budget": "The day's budget is spent (daily_budget): calls go out again by themselves at the time above.",
    "manual": "Somebody paused it by hand: when the cause is put right: voice-notify account resume",
}

#: The codes whose letters are the account's fault, and fit for a replay when it is well again.
_OF_ACCOUNT = {"601", "602", "603", "604", "404"}


@click.group()
def account() -> None:
    """Show, pause and resume the account.

    While it is paused no call is begun, everything keeps its place in line, and deadlines run on. It pauses itself when
    the provider's answers say that every call will fail (601, 602, 603, 604, 404), or when the same refusal meets one
    number after another; then one call probes it from time to time, and a success resumes it.
    """


@account.command(epilog=examples("voice-notify account show"))
@json_option
def show(*, as_json: bool) -> None:
    """Tell whether calls go out, or why not and until when; what is open, who works, and what to do next."""
    ledger, app_id = current_account().ledger, current_account().settings.app_id
    found = read_account_status(ledger.scripts)
    if as_json:
        print_json(_document(app_id, found, ledger.rules.daily_budget))
        return
    print_text(f"{app_id}: {show_pause(found.pause) if found.pause else 'open, calls go out'}")
    print_fields(_fields(found, ledger.rules))
    for step in _next_steps(found):
        print_text(f"→ {step}")


def _document(app_id: str, found: AccountStatus, budget: int) -> dict[str, object]:
    return {
        "app_id": app_id,
        "at": iso_time(found.now_ms),
        "paused": found.pause is not None,
        "pause": pause_document(found.pause),
        "counts": dict(found.counts),
        "due_now": found.due,
        "refused_in_a_row": found.run,
        "refused_with": found.run_code or None,
        "workers": found.workers,
        "spent_today": found.spent,
        "daily_budget": budget or None,
        "next_steps": _next_steps(found),
    }


def _fields(found: AccountStatus, options: LedgerRules) -> list[tuple[str, str]]:
    def count(*states: State) -> str:
        return ", ".join(f"{found.counts[state]:,} {state}" for state in states)

    run = f"{found.run} with code {found.run_code}; {options.suspect_run} pause the account (suspect_run)"
    budget = f" of {options.daily_budget:,} (daily_budget)" if options.daily_budget else ""
    return [
        ("open", count(State.WAITING, State.CALLING)),
        ("due now", f"{found.due:,} number{'s' * (found.due != 1)}, not yet begun"),
        ("dead letters", f"{found.counts[State.DEAD]:,}"),
        ("since ever", count(State.ACCEPTED, State.EXPIRED, State.CANCELLED)),
        ("spent today", f"{found.spent:,}{budget} billing units"),
        ("refused in a row", run if found.run else ""),
        ("workers", f"{len(found.workers)} alive: {', '.join(found.workers)}" if found.workers else "none"),
    ]


def _next_steps(found: AccountStatus) -> list[str]:
    """What a person can do; nothing where all is well."""
    steps = []
    if found.pause:
        steps.append(_ADVICE.get(found.pause.reason, "Put the cause right, then: voice-notify account resume"))
    if not found.workers:
        steps.append("No worker is alive, nothing is called: celery -A voice_notify worker")
    if found.counts[State.DEAD]:
        of_pause = found.pause is not None and found.pause.reason in _OF_ACCOUNT
        when = ", and when calls go out again: voice-notify dlq replay --reason account" if of_pause else ""
        steps.append(f"Look at the dead letters: voice-notify dlq list{when}")
    return steps


@account.command("pause", epilog=examples('voice-notify account pause --why "wrong text in template 453662"'))
@click.option("--why", required=True, help="Why, for whoever asks later.")
def pause_account(why: str) -> None:
    """Begin no call until a person resumes the account. What is on the wire is finished."""
    changed = current_account().ledger.pause(why)
    print_text(
        "paused: no call is begun until voice-notify account resume" if changed else "was paused by hand already"
    )


@account.command(epilog=examples("voice-notify account resume"))
def resume() -> None:
    """Let calls out again, at once."""
    print_text("resumed: calls go out" if current_account().ledger.resume() else "was open already")
