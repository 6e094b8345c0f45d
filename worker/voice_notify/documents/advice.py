"""What a person can do next about a dead letter, or about the account."""

from __future__ import annotations

from voice_notify.domain.states import State
from voice_notify.ledger.account_status import AccountStatus
from voice_notify.ledger.notifications import Record

#: What a person can do about a dead letter, by its reason.
DEAD_LETTER_ADVICE = {
    "refused": "The provider refuses this request whenever it is sent: correct it and submit it anew.",
    "account": "The cause lies with the account, not with this notification: replay it when voice-notify account show "
    "says open.",
    "exhausted": "It was refused temporarily too often: replay it when the provider has recovered.",
    "unclear": "The provider's answer is not documented: ask the provider before a replay, the phone may have rung.",
    "unconfirmed": "Nobody knows whether the phone rang: ask the callee, or the provider, before a replay.",
}
#: What a person can do about one whose call was reported as placed after all.
_ADVICE_CALLED = (
    "It has a call id, because a success was reported late: the phone rang. Purge it, unless it is to ring again."
)

#: What ends a pause, by its reason.
_PAUSE_ADVICE = {
    "601": "Have the provider enable the voice API for this account, then: voice-notify account resume",
    "602": "The provider has suspended the account: ask it why, then: voice-notify account resume",
    "603": "Top up the balance with the provider, then: voice-notify account resume",
    "604": "The provider has withdrawn the API: ask it why, then: voice-notify account resume",
    "404": "Look at the setting base_url: the provider does not know that address. Then: voice-notify account resume",
    "unreachable": "The provider does not answer: voice-notify doctor, run on a worker's host, tells where the way "
    "ends. Calls go out again by themselves once a probe is answered.",
    "maintenance": "The provider takes no calls now: they go out again by themselves once it does. After 609, set "
    "max_calls_per_second.",
    "suspect": "One number after another met the same refusal: look at app_id, app_secret and the template, "
    "then: voice-notify account resume",
    "quota": "The provider's daily limit is reached: calls go out again by themselves at the time above.",
    "budget": "The day's budget is spent (daily_budget): calls go out again by themselves at the time above.",
    "manual": "Somebody paused it by hand: when the cause is removed, voice-notify account resume",
}

#: The pauses whose cause has also made dead letters, which fit for a replay when the account is well again.
_CODES_OF_ACCOUNT = {"601", "602", "603", "604", "404"}


def advise_on_dead_letter(record: Record) -> str:
    """What a person can do about a dead letter; empty where nothing is known to help."""
    return _ADVICE_CALLED if record.call_id else DEAD_LETTER_ADVICE.get(record.reason, "")


def advise_on_account(status: AccountStatus) -> tuple[str, ...]:
    """What a person can do about the account, the most urgent first; empty where all is well."""
    default = "Remove the cause, then: voice-notify account resume"
    steps = [_PAUSE_ADVICE.get(pause.reason, default) for pause in status.pauses]
    if not status.workers:
        steps.append("No worker is alive, nothing is called: celery -A voice_notify worker")
    if status.counts[State.DEAD]:
        of_pause = status.pause is not None and status.pause.reason in _CODES_OF_ACCOUNT
        when = ", and when calls go out again: voice-notify dlq replay --reason account" if of_pause else ""
        steps.append(f"Look at the dead letters: voice-notify dlq list{when}")
    return tuple(steps)
