"""What follows an attempt: a pure function of its outcome (DESIGN.md, Outcomes)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tenacity import RetryCallState, stop_after_attempt, wait_exponential

from voice_notify.domain.calendar import next_china_midnight
from voice_notify.domain.notification import OnUnconfirmed
from voice_notify.domain.outcome import LEASE_RAN_OUT, TOO_LATE, Kind, Outcome
from voice_notify.domain.reasons import EndReason, Reason
from voice_notify.domain.states import State


class Window(StrEnum):
    """Whether the attempt, counted as a call when it began, stays counted in its number's windows."""

    COUNT = "count"  #: the call was, or may have been, placed
    RELEASE = "release"  #: it certainly was not


class Verdict(StrEnum):
    """What the outcome says about the account as a whole."""

    SUCCESS = "success"  #: it works
    FAILED = "failed"  #: every call will fail: pause at once
    SUSPECT = "suspect"  #: several in a row from different numbers point to the account
    UNREACHABLE = "unreachable"  #: several in a row from different numbers point to the way to the provider
    MAINTENANCE = "maintenance"  #: several in a row from different numbers: the provider says that it takes no calls
    NONE = "none"


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The operator's choices; times in seconds."""

    max_attempts: int
    backoff_base: float
    backoff_max: float
    on_unconfirmed: OnUnconfirmed
    max_unconfirmed: int


@dataclass(frozen=True, slots=True)
class Attempt:
    """What the ledger counted, the attempt that just ended included in `attempts` but not in `unconfirmed`."""

    attempts: int
    unconfirmed: int
    on_unconfirmed: OnUnconfirmed | None = None  #: the notification's own choice


@dataclass(frozen=True, slots=True)
class Step:
    """The next step, which the `settle` script applies at once or not at all."""

    state: State
    reason: Reason | EndReason
    window: Window
    ready_at_ms: int = 0  #: when a waiting notification is ready again; 0: at once
    hold_until_ms: int = 0  #: until when its whole number is held; 0: not
    verdict: Verdict = Verdict.NONE
    pause_until_ms: int = 0  #: until when a suspect account is paused; 0: for the usual cool-down


#: The outcomes that leave no choice.
_ALWAYS = {
    Kind.ACCEPTED: Step(State.ACCEPTED, EndReason.PLACED, Window.COUNT, verdict=Verdict.SUCCESS),
    Kind.REFUSED: Step(State.DEAD, EndReason.REFUSED, Window.RELEASE, verdict=Verdict.SUSPECT),
    Kind.ACCOUNT: Step(State.DEAD, EndReason.ACCOUNT, Window.RELEASE, verdict=Verdict.FAILED),
}

#: The codes with which the provider asks for time: PROVIDER.md, and HTTP's own.
_MAINTENANCE = frozenset({"500", "501", "609", "http-429", "http-503"})
#: What says nothing about the provider: the worker was lost, or too late to write.
_OURS = frozenset({LEASE_RAN_OUT, TOO_LATE})


def decide(outcome: Outcome, attempt: Attempt, policy: RetryPolicy, now_ms: int, chance: float) -> Step:
    """The step that follows `outcome`; `chance` in [0, 1) is the jitter."""
    match outcome.kind:
        case Kind.TRANSIENT:
            return _after_transient(outcome, attempt, policy, now_ms, chance)
        case Kind.TOMORROW:
            return _until_tomorrow(now_ms)
        case Kind.UNCONFIRMED:
            return _after_unconfirmed(outcome, attempt, policy)
        case Kind.UNCLEAR:
            return Step(State.DEAD, EndReason.UNCLEAR, Window.COUNT, verdict=_unclear_verdict(outcome))
        case other:
            return _ALWAYS[other]


def _after_transient(outcome: Outcome, attempt: Attempt, policy: RetryPolicy, now_ms: int, chance: float) -> Step:
    count = RetryCallState(retry_object=None, fn=None, args=(), kwargs={})  # type: ignore[arg-type]
    count.attempt_number = attempt.attempts
    if stop_after_attempt(policy.max_attempts)(count):
        return Step(State.DEAD, EndReason.EXHAUSTED, Window.RELEASE, verdict=_illness(outcome))
    longest = wait_exponential(multiplier=policy.backoff_base, max=policy.backoff_max)(count)
    wait_ms = round(longest * (0.5 + chance / 2) * 1000)
    return Step(State.WAITING, Reason.BACKOFF, Window.RELEASE, ready_at_ms=now_ms + wait_ms, verdict=_illness(outcome))


def _until_tomorrow(now_ms: int) -> Step:
    midnight = next_china_midnight(now_ms)
    return Step(
        State.WAITING,
        Reason.QUOTA,
        Window.RELEASE,
        hold_until_ms=midnight,
        verdict=Verdict.SUSPECT,
        pause_until_ms=midnight,
    )


def _after_unconfirmed(outcome: Outcome, attempt: Attempt, policy: RetryPolicy) -> Step:
    verdict = _illness(outcome)
    choice = attempt.on_unconfirmed or policy.on_unconfirmed
    if choice is OnUnconfirmed.ASSUME_SENT:
        return Step(State.ACCEPTED, EndReason.ASSUMED, Window.COUNT, verdict=verdict)
    if choice is OnUnconfirmed.RESEND and attempt.unconfirmed < policy.max_unconfirmed:
        return Step(State.WAITING, Reason.RESEND, Window.COUNT, verdict=verdict)
    return Step(State.DEAD, EndReason.UNCONFIRMED, Window.COUNT, verdict=verdict)


def _illness(outcome: Outcome) -> Verdict:
    """What a failure says that is not about the notification."""
    if outcome.code in _OURS:
        return Verdict.NONE
    return Verdict.MAINTENANCE if outcome.code in _MAINTENANCE else Verdict.UNREACHABLE


def _unclear_verdict(outcome: Outcome) -> Verdict:
    """A page in place of a reply did not come from the provider's interface; a code that nobody knows did."""
    return Verdict.UNREACHABLE if outcome.code.startswith("http-") else Verdict.SUSPECT
