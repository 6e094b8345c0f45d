"""The scripts against a reference model: any order of submissions, calls, losses and people, on virtual time."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import fakeredis
import pytest
import redis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tests.support.account import (
    ACCEPTED,
    GAP,
    LAPSED,
    LEASE,
    MAINTENANCE,
    NO_BALANCE,
    POLICY,
    REFUSED,
    SEND_WITHIN,
    TOMORROW,
    UNCLEAR,
    UNCONFIRMED,
    WAKEUP_LEASE,
    Account,
    other_number,
)
from tests.support.clock import DAY, HOUR, MINUTE, SECOND
from tests.support.reference import FINAL, NOT_PLACED, Note, Reference
from voice_notify.domain.calendar import china_day
from voice_notify.domain.notification import OnUnconfirmed
from voice_notify.domain.outcome import Outcome
from voice_notify.domain.retry import decide
from voice_notify.domain.states import State
from voice_notify.domain.windows import Limits
from voice_notify.errors import KeyConflict, LineFull
from voice_notify.ledger import keys
from voice_notify.ledger.ledger import Grant, Lapsed, Settlement

MOBILES = [other_number(number) for number in range(2)]
#: Small windows, so that a short run meets them.
LIMITS = Limits(gap_ms=GAP, max_calls=3, window_ms=10 * MINUTE)
FOREVER = 7 * DAY
#: So short that a run outlives it, and never met to the millisecond by a sum of `PAUSES`.
RETENTION = DAY + 250
OUTCOMES = [*[ACCEPTED, UNCONFIRMED, MAINTENANCE] * 2, UNCLEAR, REFUSED, TOMORROW, NO_BALANCE]
PAUSES = [1, SECOND, 2 * SECOND, WAKEUP_LEASE, LEASE, GAP, MINUTE, LIMITS.window_ms, 12 * HOUR]
picks = st.integers(0, 1000)
submissions = st.fixed_dictionaries(
    {
        "mobile": st.sampled_from(MOBILES),
        "priority": st.sampled_from([0, 0, 5, 9]),
        "countdown": st.sampled_from([0, 0, 2, 45]),
        "expires": st.sampled_from([None, None, 5, 100]),
        "key": st.sampled_from([None, None, "k1", "k2"]),
        "on_unconfirmed": st.sampled_from([None, None, "dead_letter", "assume_sent"]),
    }
)
#: What may happen next, the frequent more often.
HAPPENINGS = [
    *["an application submits"] * 4,
    *["time passes"] * 3,
    *["a worker begins when due", "a worker settles"] * 6,
    *["a worker begins", "a worker settles late", "a worker is lost", "a dispatcher turns"] * 2,
    "a worker asks again",
    *["a person replays", "a person resumes"] * 2,
    *["a person submits again", "a person cancels", "a person purges", "a person pauses"],
]


@dataclass
class Placed:
    """A call as the provider may have seen it: its request arrived at some moment from `begun` to `until`."""

    token: str
    begun: int
    until: int


class LedgerMachine(RuleBasedStateMachine):
    """Does the same to the ledger and to the model, and keeps its own record of the calls."""

    def __init__(self, client: redis.Redis) -> None:
        super().__init__()
        client.flushdb()
        self.account = Account(client)
        self.account.configure(
            limits=LIMITS, max_line=3, suspect_run=2, default_expires_ms=FOREVER, retention_ms=RETENTION
        )
        self.model = Reference(LIMITS, self.account.ledger.rules, POLICY)
        self.attempts: list[Grant | Lapsed] = []
        self.placed: defaultdict[str, list[Placed]] = defaultdict(list)
        self.states: dict[str, State] = {}
        self.mobiles: dict[str, str] = {}

    @property
    def now(self) -> int:
        return self.account.clock.now

    def let_pass(self, milliseconds: int) -> None:
        self.account.clock.advance(milliseconds)
        self.model.forget(self.now)

    def wait_until(self, moment: int) -> None:
        self.let_pass(max(0, moment - self.now))

    def id_at(self, pick: int, ids: Iterable[str]) -> str:
        among = list(ids)
        return among[pick % len(among)]

    def in_flight(self) -> list[Grant | Lapsed]:
        calling = {note.token for note in self.model.notes.values() if note.state is State.CALLING}
        return [attempt for attempt in self.attempts if attempt.token in calling]

    def over(self) -> list[Grant]:
        """Those whose worker may still come with a reply: no reply comes a window after the grant."""
        in_flight, since = self.in_flight(), self.now - LIMITS.window_ms
        granted = [attempt for attempt in self.attempts if isinstance(attempt, Grant) and attempt.now_ms > since]
        return [attempt for attempt in granted if attempt not in in_flight]

    def open_ids(self) -> list[str]:
        return [note.id for note in self.model.notes.values() if note.is_open]

    # One rule with many choices: of many rules Hypothesis leaves out half in each run, and most runs would starve.

    @initialize(several=st.lists(submissions, min_size=2, max_size=4))
    def begin_with(self, several: list[dict[str, Any]]) -> None:
        for fields in several:
            self.submit(fields)

    @rule(
        what=st.sampled_from(HAPPENINGS),
        pick=picks,
        outcome=st.sampled_from(OUTCOMES),
        milliseconds=st.sampled_from(PAUSES),
        fields=submissions,
    )
    def happens(self, *, what: str, pick: int, outcome: Outcome, milliseconds: int, fields: dict[str, Any]) -> None:
        match what.split(" ", 2):
            case "time", "passes":
                self.let_pass(milliseconds)
            case "an", "application", "submits":
                self.submit(fields)
            case "a", "dispatcher", "turns":
                self.claim()
            case "a", "worker", does:
                self.a_worker(does, pick, outcome)
            case "a", "person", does:
                self.a_person(does, pick)

    def submit(self, fields: dict[str, Any]) -> None:
        id_ = f"n{len(self.states)}"
        deadline = self.now + (FOREVER if fields["expires"] is None else fields["expires"] * SECOND)
        joins = self.now + fields["countdown"] * SECOND
        policy = OnUnconfirmed(fields["on_unconfirmed"]) if fields["on_unconfirmed"] else None
        note = Note(id_, fields["mobile"], fields["priority"], joins, deadline, policy)
        status, expected = self.model.submit(note, fields["key"])
        try:
            found = self.account.submission(id=id_, **fields)
        except LineFull:
            assert status == "full"
        except KeyConflict:
            assert status == "conflict"
        else:
            assert (found.id, found.duplicate) == (expected, status == "duplicate")
        if status == "stored":
            self.states[id_] = State.WAITING
            self.mobiles[id_] = fields["mobile"]

    def a_worker(self, does: str, pick: int, outcome: Outcome) -> None:
        in_flight = self.in_flight()
        match does:
            case "begins" if self.model.notes:
                self.ask(self.id_at(pick, self.model.notes))
            case "begins when due" if self.open_ids():
                id_ = self.id_at(pick, self.open_ids())
                probe = (self.model.pause and self.model.pause.until) or 0
                self.wait_until(max(probe, self.model.next_look(self.mobiles[id_], self.now)))
                self.ask(id_)
            case "settles" if in_flight:
                self.settle(in_flight[pick % len(in_flight)], outcome)
            case "settles late" if late := self.over():
                self.settle(late[-1 - pick % len(late)], outcome)
            case "asks again" if in_flight:
                self.ask_again(in_flight[pick % len(in_flight)])
            case "is lost" if in_flight:
                self.wait_until(self.model.notes[in_flight[-1].id].lapses)
                for lapsed in self.claim():
                    self.settle(lapsed, LAPSED)

    def a_person(self, does: str, pick: int) -> None:
        ledger, dead_letters, model = self.account.ledger, self.account.dead_letters, self.model
        id_ = self.id_at(pick, self.states)
        match does:
            case "cancels" if id_ in model.notes:
                assert ledger.cancel(id_) is model.cancel(id_, self.now)
            case "replays":
                assert dead_letters.replay([id_], expires=60) == model.replay(id_, self.now, expires=MINUTE)
            case "purges":
                assert dead_letters.purge([id_]) == model.purge(id_)
            case "pauses":
                assert ledger.pause("by hand") == model.pause_by_hand()
            case "resumes":
                assert ledger.resume() == model.resume()
            case "submits again" if id_ in model.notes:
                assert self.account.submission(self.mobiles[id_], id=id_).duplicate

    # What workers do.

    def ask(self, id_: str) -> Grant | None:
        token = f"token-{len(self.attempts)}"
        expected = self.model.begin(id_, token, self.now)
        grant = self.account.begin(id_, token)
        assert (grant and grant.id) == (expected and expected.id)
        if grant and expected:
            assert (grant.attempt.attempts, grant.attempt.unconfirmed) == (expected.attempts, expected.unconfirmed)
            self.attempts.append(grant)
            self.place(grant, expected.deadline)
        return grant

    def place(self, grant: Grant, deadline: int) -> None:
        """Let the provider judge the call: whenever the earlier ones arrived, this one keeps all windows."""
        calls = self.placed[grant.mobile]
        calls.append(Placed(grant.token, self.now, FOREVER * 1000))
        assert self.now + grant.send_within_ms <= deadline
        for earlier, later in pairwise(calls):
            assert later.begun - earlier.until >= LIMITS.gap_ms
        for first, one_too_many in zip(calls, calls[LIMITS.max_calls :], strict=False):
            assert one_too_many.begun - first.until >= LIMITS.window_ms

    def ask_again(self, attempt: Grant | Lapsed) -> None:
        again = self.account.begin(attempt.id, attempt.token)
        assert again
        assert (again.id, again.attempt) == (attempt.id, attempt.attempt)
        since = self.model.notes[attempt.id].begun
        assert again.send_within_ms <= since + SEND_WITHIN - self.now

    def settle(self, attempt: Grant | Lapsed, outcome: Outcome) -> None:
        lapsed = isinstance(attempt, Lapsed)
        if lapsed:
            outcome = LAPSED
        expected = self.model.settle(attempt.id, attempt.token, outcome, self.now, lapsed=lapsed)
        step = decide(outcome, attempt.attempt, POLICY, self.now, 0.5)
        settlement = Settlement(attempt.id, attempt.token, outcome, step, lapsed=lapsed)
        assert self.account.ledger.settle([settlement]) == [expected]
        if expected in ("late", "repeated", "gone"):
            return
        calls = self.placed[self.mobiles[attempt.id]]
        assert calls[-1].token == attempt.token
        calls[-1].until = self.now
        if outcome.kind in NOT_PLACED:
            calls.pop()

    def claim(self) -> tuple[Lapsed, ...]:
        """Turn a dispatcher; what it has to settle is among the attempts then."""
        closed = self.model.pause and (self.model.pause.until is None or self.model.pause.until > self.now)
        claim = self.account.claim()
        assert {each.id for each in claim.lapsed} == self.model.claim_lapsed(self.now)
        self.attempts.extend(claim.lapsed)
        claimed = [self.mobiles[id_] for id_ in claim.ids]
        assert len(set(claimed)) == len(claimed)
        assert not (closed and claimed)
        assert all(self.model.notes[id_].is_open for id_ in claim.ids)
        assert set(self.account.ledger.expire()) == self.model.expire(self.now)
        return claim.lapsed

    # What holds at every moment.

    def scores(self, name: str) -> dict[str, float]:
        found: Any = self.account.client.zrange(self.account.prefix + name, 0, -1, withscores=True)
        return dict(found)

    def agenda(self) -> dict[str, int]:
        return {mobile: round(score) for mobile, score in self.scores(keys.AGENDA).items()}

    @invariant()
    def every_state_is_the_models(self) -> None:
        with self.account.client.pipeline(transaction=False) as pipe:
            for id_ in self.states:
                pipe.hmget(self.account.prefix + keys.NOTIFICATION + id_, "state", "attempts", "unconfirmed", "reason")
            found = pipe.execute()
        for id_, (state, attempts, unconfirmed, reason) in zip(self.states, found, strict=True):
            note = self.model.notes.get(id_)
            expected = (note.state, note.attempts, note.unconfirmed) if note else (None, 0, 0)
            assert (state, int(attempts or 0), int(unconfirmed or 0)) == expected, id_
            assert not note or note.is_open or reason == note.reason

    @invariant()
    def no_final_state_is_left(self) -> None:
        for id_, note in self.model.notes.items():
            before = self.states[id_]
            assert note.state is before or before not in FINAL
            self.states[id_] = note.state

    @invariant()
    def every_state_is_counted(self) -> None:
        assert self.account.ledger.counts() == self.model.counts()

    @invariant()
    def the_pause_is_the_models(self) -> None:
        paused, expected = self.account.ledger.account(), self.model.pause
        assert (paused is None) == (expected is None)
        assert (paused and paused.until_ms) == (expected and expected.until)

    @invariant()
    def everything_open_is_in_one_line(self) -> None:
        for mobile in MOBILES:
            line = self.scores(keys.LINE + mobile)
            calling = self.model.in_flight(mobile)
            open_notes = self.model.open_notes(mobile)
            assert set(line) == {note.id for note in open_notes}
            scheduled = {note.id: note.joins for note in open_notes if note.joins > self.now and note != calling}
            assert {id_: line[id_] for id_ in scheduled} == scheduled
            assert [id_ for id_, score in line.items() if score == float("-inf")] == ([calling.id] if calling else [])
        notes = self.model.notes.values()
        assert set(self.scores(keys.CALLING)) == {note.id for note in notes if note.state is State.CALLING}
        assert set(self.scores(keys.DEAD)) == {note.id for note in notes if note.state is State.DEAD}
        waiting = {note.id for note in notes if note.state is State.WAITING}
        assert waiting <= set(self.scores(keys.DEADLINES)) <= {note.id for note in notes if note.is_open}

    @invariant()
    def what_has_ended_is_in_its_days_list(self) -> None:
        ended = [note for note in self.model.notes.values() if note.state in FINAL]
        listed: dict[str, list[str]] = {}
        for note in ended:
            name = f"{self.account.prefix}{keys.ENDED}{note.state}:{china_day(note.ended)}"
            if name not in listed:
                listed[name] = self.account.client.lrange(name, 0, -1)  # type: ignore[assignment] # redis-py's
            assert listed[name].count(note.id) == 1

    @invariant()
    def no_line_is_forgotten(self) -> None:
        agenda = self.agenda()
        assert set(agenda) == {mobile for mobile in MOBILES if self.model.open_notes(mobile)}
        for mobile, at in agenda.items():
            assert at <= max(self.model.next_look(mobile, self.now), self.now + WAKEUP_LEASE)

    # In the end.

    def teardown(self) -> None:
        """Whatever happened, all that is open comes to its end once workers are there and the account is not paused."""
        assert self.account.ledger.resume() == self.model.resume()
        for _ in range(100):
            if not (agenda := self.agenda()):
                break
            self.wait_until(min(agenda.values()))
            self.claim()
            for attempt in self.in_flight():
                self.settle(attempt, LAPSED)
            for id_ in self.open_ids():
                if grant := self.ask(id_):
                    self.settle(grant, ACCEPTED)
        assert not self.open_ids(), "work that never ends"
        self.every_state_is_the_models()
        self.every_state_is_counted()


@pytest.mark.timeout(0)  # as long as `MODEL_EXAMPLES` asks for
def test_the_ledger_is_the_model(client: redis.Redis) -> None:
    """Whatever is done in whatever order, the ledger does what the model does, loses nothing and breaks no window."""
    asked_for = os.environ.get("MODEL_EXAMPLES")
    examples = 20 if isinstance(client, fakeredis.FakeRedis) else int(asked_for or 60)
    run_state_machine_as_test(
        lambda: LedgerMachine(client),  # type: ignore[arg-type] # a function that makes one serves too
        settings=settings(
            max_examples=examples,
            stateful_step_count=60,
            deadline=None,
            derandomize=not asked_for,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
