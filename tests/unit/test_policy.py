"""What follows an attempt: DESIGN.md's table of outcomes, row by row."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice_notify.domain.calendar import next_china_midnight
from voice_notify.domain.notification import OnUnconfirmed
from voice_notify.domain.outcome import Kind, Outcome
from voice_notify.domain.reasons import EndReason, Reason
from voice_notify.domain.retry import Attempt, RetryPolicy, Step, Verdict, Window, decide
from voice_notify.domain.states import TRANSITIONS, Event, State

NOW = 1_748_750_400_000  # 2025-06-01T12:00:00+08:00
MIDNIGHT = NOW + 12 * 3_600_000
POLICY = RetryPolicy(
    max_attempts=4, backoff_base=2, backoff_max=5, on_unconfirmed=OnUnconfirmed.RESEND, max_unconfirmed=2
)
DEAD_LETTER = replace(POLICY, on_unconfirmed=OnUnconfirmed.DEAD_LETTER)
ASSUME_SENT = replace(POLICY, on_unconfirmed=OnUnconfirmed.ASSUME_SENT)
MOST = 1 - 2**-53  #: the largest random number


def step_after(kind: Kind, attempt: Attempt, policy: RetryPolicy = POLICY, chance: float = 0.5) -> Step:
    return decide(Outcome(kind, "code", "message"), attempt, policy, NOW, chance)


@pytest.mark.parametrize(
    ("kind", "step"),
    [
        # The provider answered 200: final, counted, and the account works.
        (Kind.ACCEPTED, Step(State.ACCEPTED, EndReason.PLACED, Window.COUNT, verdict=Verdict.SUCCESS)),
        # 400: not placed, and the same request will fail again; several in a row point to the account.
        (Kind.REFUSED, Step(State.DEAD, EndReason.REFUSED, Window.RELEASE, verdict=Verdict.SUSPECT)),
        # 999 or an unknown code: whether it was placed is not said, so it stays counted.
        (Kind.UNCLEAR, Step(State.DEAD, EndReason.UNCLEAR, Window.COUNT, verdict=Verdict.SUSPECT)),
        # 601, 602, 603, 604, 404: not placed, and no other call will be.
        (Kind.ACCOUNT, Step(State.DEAD, EndReason.ACCOUNT, Window.RELEASE, verdict=Verdict.FAILED)),
        # 606: not placed; the number is held until the provider's next day, and after several so is the account.
        (
            Kind.TOMORROW,
            Step(
                State.WAITING,
                Reason.QUOTA,
                Window.RELEASE,
                hold_until_ms=MIDNIGHT,
                verdict=Verdict.SUSPECT,
                pause_until_ms=MIDNIGHT,
            ),
        ),
    ],
)
@pytest.mark.parametrize("attempt", [Attempt(1, 0), Attempt(99, 9, OnUnconfirmed.ASSUME_SENT)])
def test_a_reply_that_settles_the_matter_has_one_step(kind: Kind, step: Step, attempt: Attempt) -> None:
    """A reply that settles the matter has the same step after any number of attempts and under any policy."""
    for policy in (POLICY, DEAD_LETTER, ASSUME_SENT):
        assert step_after(kind, attempt, policy) == step


@pytest.mark.parametrize(
    ("attempts", "chance", "wait_ms"),
    [
        (1, 0, 1000),  # half of the base at least
        (1, MOST, 2000),  # the base at most
        (1, 0.5, 1500),
        (2, MOST, 4000),  # twice as long after the second
        (3, MOST, 5000),  # but never longer than `backoff_max`
        (3, 0, 2500),
    ],
)
def test_the_backoff_doubles_with_jitter_up_to_its_maximum(attempts: int, chance: float, wait_ms: int) -> None:
    """After a refusal for now it waits exponentially longer, with jitter, and does not count as a call."""
    step = step_after(Kind.TRANSIENT, Attempt(attempts, 0), chance=chance)
    assert step == Step(
        State.WAITING, Reason.BACKOFF, Window.RELEASE, ready_at_ms=NOW + wait_ms, verdict=Verdict.UNREACHABLE
    )


@pytest.mark.parametrize(
    ("attempts", "state"),
    [
        (3, State.WAITING),  # one is left
        (4, State.DEAD),  # this was the last of four
        (5, State.DEAD),  # `max_attempts` was lowered meanwhile
    ],
)
def test_the_last_attempt_ends_in_the_dead_letters(attempts: int, state: State) -> None:
    """After `max_attempts`, a transient refusal is permanent."""
    step = step_after(Kind.TRANSIENT, Attempt(attempts, 0))
    assert step.state is state
    if state is State.DEAD:
        assert step == Step(State.DEAD, EndReason.EXHAUSTED, Window.RELEASE, verdict=Verdict.UNREACHABLE)


RESEND = Step(State.WAITING, Reason.RESEND, Window.COUNT, verdict=Verdict.UNREACHABLE)
UNCONFIRMED = Step(State.DEAD, EndReason.UNCONFIRMED, Window.COUNT, verdict=Verdict.UNREACHABLE)
ASSUMED = Step(State.ACCEPTED, EndReason.ASSUMED, Window.COUNT, verdict=Verdict.UNREACHABLE)


@pytest.mark.parametrize(
    ("unconfirmed", "own", "policy", "step"),
    [
        (0, None, POLICY, RESEND),  # the first of unknown outcome is sent again
        (1, None, POLICY, RESEND),  # and the second
        (2, None, POLICY, UNCONFIRMED),  # the third is one more than `max_unconfirmed`
        (0, None, replace(POLICY, max_unconfirmed=0), UNCONFIRMED),  # never sent again
        (0, None, DEAD_LETTER, UNCONFIRMED),  # a person decides
        (0, None, ASSUME_SENT, ASSUMED),  # taken as sent
        (0, OnUnconfirmed.DEAD_LETTER, POLICY, UNCONFIRMED),  # its own choice goes before the settings'
        (0, OnUnconfirmed.ASSUME_SENT, DEAD_LETTER, ASSUMED),
        (1, OnUnconfirmed.RESEND, ASSUME_SENT, RESEND),
        (2, OnUnconfirmed.RESEND, ASSUME_SENT, UNCONFIRMED),
    ],
)
def test_an_unknown_outcome_follows_the_policy(
    unconfirmed: int, own: OnUnconfirmed | None, policy: RetryPolicy, step: Step
) -> None:
    """After an attempt of unknown outcome the policy decides; the phone may have rung, so it stays counted."""
    attempt = Attempt(attempts=99, unconfirmed=unconfirmed, on_unconfirmed=own)
    assert step_after(Kind.UNCONFIRMED, attempt, policy) == step


@pytest.mark.parametrize(
    ("outcome", "verdict"),
    [
        # The provider says itself that it takes no calls now, or fewer.
        (Outcome(Kind.TRANSIENT, "500"), Verdict.MAINTENANCE),
        (Outcome(Kind.TRANSIENT, "501"), Verdict.MAINTENANCE),
        (Outcome(Kind.TRANSIENT, "609"), Verdict.MAINTENANCE),
        (Outcome(Kind.TRANSIENT, "http-429"), Verdict.MAINTENANCE),
        (Outcome(Kind.TRANSIENT, "http-503"), Verdict.MAINTENANCE),
        # Nothing came of the request that the provider's interface would say.
        (Outcome(Kind.TRANSIENT, "connect"), Verdict.UNREACHABLE),
        (Outcome(Kind.TRANSIENT, "connect-timeout"), Verdict.UNREACHABLE),
        (Outcome(Kind.TRANSIENT, "dns"), Verdict.UNREACHABLE),
        (Outcome(Kind.TRANSIENT, "tls"), Verdict.UNREACHABLE),
        (Outcome(Kind.UNCONFIRMED, "read-timeout"), Verdict.UNREACHABLE),
        (Outcome(Kind.UNCONFIRMED, "cut"), Verdict.UNREACHABLE),
        (Outcome(Kind.UNCONFIRMED, "http-502"), Verdict.UNREACHABLE),
        (Outcome(Kind.UNCONFIRMED, "garbage"), Verdict.UNREACHABLE),
        (Outcome(Kind.UNCLEAR, "http-403"), Verdict.UNREACHABLE),
        # Its interface answered, with a code that nobody knows.
        (Outcome(Kind.UNCLEAR, "999"), Verdict.SUSPECT),
        (Outcome(Kind.UNCLEAR, "777"), Verdict.SUSPECT),
        # Ours, and not the provider's fault.
        (Outcome(Kind.TRANSIENT, "too-late"), Verdict.NONE),
        (Outcome(Kind.UNCONFIRMED, "lease"), Verdict.NONE),
    ],
)
def test_a_failure_says_whose_it_is(outcome: Outcome, verdict: Verdict) -> None:
    """What many numbers in a row meet alike is the account's or the provider's; so it is told with each failure."""
    for attempt in (Attempt(1, 0), Attempt(99, 99)):
        assert decide(outcome, attempt, POLICY, NOW, 0.5).verdict is verdict


@given(
    kind=st.sampled_from(Kind),
    attempt=st.builds(Attempt, st.integers(1, 200), st.integers(0, 200), st.none() | st.sampled_from(OnUnconfirmed)),
    policy=st.builds(
        RetryPolicy,
        max_attempts=st.integers(1, 100),
        backoff_base=st.floats(0.001, 3600),
        backoff_max=st.floats(0.001, 86_400),
        on_unconfirmed=st.sampled_from(OnUnconfirmed),
        max_unconfirmed=st.integers(0, 100),
    ),
    chance=st.floats(0, 1, exclude_max=True),
)
def test_every_step_can_be_applied(kind: Kind, attempt: Attempt, policy: RetryPolicy, chance: float) -> None:
    """Under any settings: an allowed transition, not in the past, and what may have been placed is counted."""
    step = step_after(kind, attempt, policy, chance)
    assert step.state in TRANSITIONS[Event.SETTLE][State.CALLING]
    assert step.ready_at_ms == 0 or NOW <= step.ready_at_ms <= NOW + policy.backoff_max * 1000 + 1
    may_have_rung = kind in (Kind.ACCEPTED, Kind.UNCLEAR, Kind.UNCONFIRMED)
    assert step.window is (Window.COUNT if may_have_rung else Window.RELEASE)


@pytest.mark.parametrize(
    ("now", "midnight"),
    [
        ("2025-06-01T12:00:00+08:00", "2025-06-02T00:00:00+08:00"),
        ("2025-06-01T23:59:59.999+08:00", "2025-06-02T00:00:00+08:00"),  # a moment before
        ("2025-06-02T00:00:00+08:00", "2025-06-03T00:00:00+08:00"),  # the day that has just begun is not the next
        ("2025-06-01T17:00:00+00:00", "2025-06-03T00:00:00+08:00"),  # China's day, not Greenwich's
        ("2024-12-31T12:00:00+08:00", "2025-01-01T00:00:00+08:00"),
        ("2024-02-28T12:00:00+08:00", "2024-02-29T00:00:00+08:00"),
    ],
)
def test_the_providers_next_day_begins_at_midnight_in_china(now: str, midnight: str) -> None:
    """The provider's day begins at 00:00 China time."""
    assert next_china_midnight(milliseconds(now)) == milliseconds(midnight)


def test_only_waiting_and_calling_are_open() -> None:
    """Only waiting and calling are open; of the final states, a replay leads out of `dead` alone."""
    assert {state for state in State if not state.final} == {State.WAITING, State.CALLING}
    out = {(event, state) for event, ways in TRANSITIONS.items() for state in ways if state.final}
    assert out == {(Event.REPLAY, State.DEAD)}


def milliseconds(moment: str) -> int:
    return round(datetime.fromisoformat(moment).astimezone(UTC).timestamp() * 1000)
