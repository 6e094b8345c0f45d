"""The scripts against a reference model: any order of submissions, calls, losses and people, on virtual time."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
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
    Account,
    other_number,
)
from tests.support.clock import DAY, HOUR, MINUTE, SECOND
from tests.support.reference import FINAL, NOT_PLACED, Note, Reference
from voice_notify.domain.notification import OnUnconfirmed
from voice_notify.domain.outcome import Kind, Outcome
from voice_notify.domain.retry import decide
from voice_notify.domain.states import State
from voice_notify.domain.windows import Limits
from voice_notify.errors import KeyConflict, LineFull
from voice_notify.ledger import keys
from voice_notify.ledger.bands import banded, time_of
from voice_notify.ledger.ledger import Grant, Lapsed, Settlement, Wakeup

MOBILES = [other_number(number) for number in range(3)]
#: Called now and then, all at once: with few numbers no outage is told from their own trouble.
CROWD = [other_number(number) for number in range(3, 9)]
PROCESSES = ["p1", "p2"]
#: Small windows, so that a short run meets them. When Redis forgets what it keeps for a window is known to some
#: milliseconds only, so no sum of `PAUSES` meets that moment.
LIMITS = Limits(gap_ms=GAP, max_calls=3, window_ms=10 * MINUTE + 250)
FOREVER = 7 * DAY
#: So short that a run outlives it, and never met to the millisecond by a sum of `PAUSES`.
RETENTION = DAY + 250
DEAD_RETENTION = 2 * DAY + 250
NOT_CONNECTED = Outcome(Kind.TRANSIENT, "connect", "not sent: [Errno 111] Connection refused")
FORBIDDEN = Outcome(Kind.UNCLEAR, "http-403", "HTTP 403 without the documented JSON")
OUTCOMES = [
    *[ACCEPTED, UNCONFIRMED, MAINTENANCE, NOT_CONNECTED] * 2,
    *[UNCLEAR, FORBIDDEN, REFUSED, TOMORROW, NO_BALANCE],
]
PAUSES = [1, SECOND, 2 * SECOND, 5 * SECOND, LEASE, GAP, MINUTE, 11 * MINUTE, 12 * HOUR]
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
#: A process that begins no call because of an outage that is over looks again after so many ms.
RAMP_LOOK = 100
#: Sweeps write down how far the ledger's clock is in steps of so many ms.
CLOCK_STEP = 100
#: What may happen next, the frequent more often.
HAPPENINGS = [
    *["an application submits"] * 4,
    *["many are submitted", "many are begun", "many are settled"] * 2,
    *["time passes"] * 3,
    *["a worker begins when due", "a worker settles"] * 6,
    *["a worker begins", "a worker settles late", "a worker is lost", "a worker sweeps"] * 2,
    *["a worker asks again", "the clock goes back"],
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
            limits=LIMITS,
            max_line=3,
            suspect_run=2,
            outage_run=2,
            default_expires_ms=FOREVER,
            retention_ms=RETENTION,
            dead_retention_ms=DEAD_RETENTION,
        )
        self.model = Reference(LIMITS, self.account.ledger.rules, POLICY, server=self.account.clock.now)
        self.attempts: list[Grant | Lapsed] = []
        self.requests = dict.fromkeys(PROCESSES, 0)
        self.granted: dict[str, tuple[int, int, list[Grant]]] = {}  #: by process: its last calls, and when they began
        self.placed: defaultdict[str, list[Placed]] = defaultdict(list)
        self.states: dict[str, State] = {}
        self.mobiles: dict[str, str] = {}

        self.passed = 0  #: ms of real time, whatever the clocks say

    @property
    def now(self) -> int:
        """The ledger's time."""
        ahead, last = map(int, (self.account.client.get(self.account.prefix + keys.CLOCK) or "0 0").split())
        return max(self.account.clock.now + ahead, last)

    def let_pass(self, milliseconds: int) -> None:
        before = self.now
        self.account.clock.advance(milliseconds)
        self.model.server = self.account.clock.now
        self.passed += milliseconds
        assert self.now >= before
        self.model.forget()

    def wait_until(self, moment: int) -> None:
        for _ in range(1000):
            if self.now >= moment:
                return
            self.let_pass(moment - self.now)
            self.sweep()  # or time would stand still after a step back
        raise AssertionError("time stands still")

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

    @property
    def called(self) -> set[str]:
        """The numbers that something was submitted to."""
        return set(self.mobiles.values())

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
            case "many", "are", does:
                self.many(does, pick, outcome, fields)
            case "the", "clock", _:
                self.let_pass(CLOCK_STEP)  # or what has passed since the last sweep may go back too
                self.sweep()
                self.account.clock.set(self.account.clock.now - 20 * milliseconds)
                self.model.server = self.account.clock.now
            case "a", "worker", does:
                self.a_worker(does, pick, outcome)
            case "a", "person", does:
                self.a_person(does, pick)
        # So that what is set at this moment ends at the right one, however long the next steps take.
        self.account.clock.look()

    def submit(self, fields: dict[str, Any]) -> None:
        id_ = f"n{len(self.states)}"
        deadline = self.now + (FOREVER if fields["expires"] is None else fields["expires"] * SECOND)
        joins = self.now + fields["countdown"] * SECOND
        policy = OnUnconfirmed(fields["on_unconfirmed"]) if fields["on_unconfirmed"] else None
        note = Note(id_, fields["mobile"], fields["priority"], joins, joins, deadline, policy)
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

    def many(self, does: str, pick: int, outcome: Outcome, fields: dict[str, Any]) -> None:
        """What happens to many numbers at once, with one outcome for all calls in flight."""
        match does:
            case "submitted":
                for mobile in CROWD:
                    self.submit({**fields, "mobile": mobile, "key": None})
            case "begun":
                self.ask(pick, most=10)
            case "settled":
                for attempt in self.in_flight():
                    self.settle(attempt, outcome)

    def a_worker(self, does: str, pick: int, outcome: Outcome) -> None:
        in_flight = self.in_flight()
        match does:
            case "begins":
                self.ask(pick)
            case "begins when due" if self.open_ids():
                id_ = self.id_at(pick, self.open_ids())
                probe = (self.model.pause and self.model.pause.until) or 0
                self.wait_until(max(probe, self.model.next_look(self.mobiles[id_], self.now)))
                self.ask(pick)
            case "sweeps":
                self.sweep()
            case "settles" if in_flight:
                self.settle(in_flight[pick % len(in_flight)], outcome)
            case "settles late" if late := self.over():
                self.settle(late[-1 - pick % len(late)], outcome)
            case "asks again":
                self.ask_again(PROCESSES[pick % 2])
            case "is lost" if in_flight:
                self.wait_until(self.model.notes[in_flight[-1].id].lapses)
                for lapsed in [*self.sweep(), *(each for each in self.in_flight() if isinstance(each, Lapsed))]:
                    self.settle(lapsed, LAPSED)

    def a_person(self, does: str, pick: int) -> None:
        ledger, dead_letters, model = self.account.ledger, self.account.dead_letters, self.model
        id_ = self.id_at(pick, self.states)
        match does:
            case "cancels" if id_ in model.notes:
                assert ledger.cancel(id_) is model.cancel(id_, self.now)
            case "replays":
                assert dead_letters.replay([id_], expires=60).done == model.replay(id_, self.now, expires=MINUTE)
            case "purges":
                assert dead_letters.purge([id_]) == model.purge(id_)
            case "pauses":
                assert ledger.pause("by hand") == model.pause_by_hand()
            case "resumes":
                assert ledger.resume() == model.resume()
            case "submits again" if id_ in model.notes:
                assert self.account.submission(self.mobiles[id_], id=id_).duplicate

    # What workers do.

    def ask(self, pick: int, most: int = 0) -> list[Grant]:
        """Ask for the calls that are next, as a process with more or less room; the model lets them begin."""
        process, most = PROCESSES[pick % 2], most or 1 + pick % 3
        ordinary = max(0, most - pick % 2)
        self.requests[process] += 1
        request = self.requests[process]
        self.account.woken()
        granted = self.account.ledger.grant(most, ordinary=ordinary, process=process, request=request)
        grants = list(granted.grants)
        begun = self.model.grant(
            [grant.id for grant in grants],
            granted.expired,
            most=most,
            ordinary=ordinary,
            request=f"{process}-{request}",
            now=self.now,
        )
        assert granted.damaged == ()
        for grant, note in zip(grants, begun, strict=True):
            assert (grant.token, grant.attempt.attempts) == (note.token, note.attempts)
            assert grant.attempt.unconfirmed == note.unconfirmed
            self.place(grant, note.deadline)
        if grants:
            self.granted[process] = (self.now, self.passed, grants)
        self.attempts += grants
        self.looks_in_time(granted.idle_ms, partial(self.model.room, most=most, ordinary=ordinary, begun=begun))
        return grants

    def looks_in_time(self, idle_ms: int | None, room: Callable[[int], int]) -> None:
        """A process looks again when it may begin another call, at the latest; where it is full, another is woken.

        After an outage calls come back little by little: what may not begin yet is looked for ever so often.
        """
        woken = self.account.woken()
        if self.model.pause and not self.model.may_call(self.now):
            assert idle_ms == (self.model.pause.until and self.model.pause.until - self.now)
            return
        for note in self.model.overdue(self.now):
            is_held_back = room(note.priority) > 0
            assert idle_ms == RAMP_LOOK if is_held_back else self.kind_of(note) in woken
        for mobile in self.called if room(0) else []:
            if self.model.open_notes(mobile):
                assert idle_ms is not None
                assert idle_ms <= max(SECOND, self.model.next_look(mobile, self.now) - self.now)

    def kind_of(self, note: Note) -> Wakeup:
        """For what a process is woken that may call it."""
        return Wakeup.URGENT if note.priority >= self.model.rules.urgent_priority else Wakeup.ORDINARY

    def place(self, grant: Grant, deadline: int) -> None:
        """Let the provider judge the call: whenever the earlier ones arrived, this one keeps all windows."""
        calls = self.placed[grant.mobile]
        calls.append(Placed(grant.token, self.passed, FOREVER * 1000))
        assert self.now + grant.send_within_ms <= deadline
        for earlier, later in pairwise(calls):
            assert later.begun - earlier.until >= LIMITS.gap_ms
        for first, one_too_many in zip(calls, calls[LIMITS.max_calls :], strict=False):
            assert one_too_many.begun - first.until >= LIMITS.window_ms

    def ask_again(self, process: str) -> None:
        """A process whose reply was lost is granted the same calls: those that nobody has settled since."""
        at, passed, grants = self.granted.get(process, (0, 0, []))
        request = self.requests[process]
        is_forgotten = self.now >= at + LEASE or self.passed >= passed + LEASE
        if is_forgotten or not grants or not grants[0].token.startswith(f"{process}-{request}-"):
            return
        calling = {note.token for note in self.model.notes.values() if note.state is State.CALLING}
        again = self.account.ledger.grant(3, ordinary=3, process=process, request=request)
        found = [(grant.id, grant.token, grant.attempt) for grant in again.grants]
        assert found == [(grant.id, grant.token, grant.attempt) for grant in grants if grant.token in calling]
        assert all(grant.send_within_ms <= at + SEND_WITHIN - self.now for grant in again.grants)

    def settle(self, attempt: Grant | Lapsed, outcome: Outcome) -> None:
        lapsed = isinstance(attempt, Lapsed)
        if lapsed:
            outcome = LAPSED
        is_over = attempt not in self.in_flight()
        expected = self.model.settle(attempt.id, attempt.token, outcome, self.now, lapsed=lapsed)
        step = decide(outcome, attempt.attempt, POLICY, self.now, 0.5)
        settlement = Settlement(attempt.id, attempt.token, outcome, step, lapsed=lapsed)
        assert self.account.ledger.settle([settlement]) == [expected]
        if is_over or expected in ("late", "repeated", "gone"):
            return
        calls = self.placed[self.mobiles[attempt.id]]
        assert calls[-1].token == attempt.token
        calls[-1].until = self.passed
        if outcome.kind in NOT_PLACED:
            calls.pop()

    def sweep(self) -> tuple[Lapsed, ...]:
        """Sweep; what it hands over is among the attempts then, and for what is due a process is woken."""
        found = self.account.sweep()
        assert {each.id for each in found.lapsed} == self.model.hand_over(self.now)
        assert set(found.expired) == self.model.expire(self.now)
        assert {each.id for each in found.dropped} == self.model.drop(self.now)
        self.attempts.extend(found.lapsed)
        woken = self.account.woken()
        for note in [] if self.model.pause else self.model.overdue(self.now):
            assert self.kind_of(note) in woken
        return found.lapsed

    # What holds at every moment.

    def scores(self, name: str) -> dict[str, float]:
        found: Any = self.account.client.zrange(self.account.prefix + name, 0, -1, withscores=True)
        return dict(found)

    def looks(self) -> dict[str, int]:
        """By number, when the ledger looks at its line next."""
        agenda, promotions = self.scores(keys.AGENDA), self.scores(keys.PROMOTIONS)
        assert set(promotions) <= set(agenda)
        return {mobile: min(time_of(at), time_of(promotions.get(mobile, at))) for mobile, at in agenda.items()}

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
        assert (paused and paused.reason) == (expected and expected.reason)

    @invariant()
    def everything_open_is_in_one_line(self) -> None:
        for mobile in self.called:
            line = self.scores(keys.LINE + mobile)
            calling = self.model.in_flight(mobile)
            open_notes = self.model.open_notes(mobile)
            assert set(line) == {note.id for note in open_notes}
            scheduled = {
                note.id: banded(note.priority, note.joins)
                for note in open_notes
                if note.joins > self.now and note != calling
            }
            assert {id_: line[id_] for id_ in scheduled} == scheduled
            assert [id_ for id_, score in line.items() if score == float("-inf")] == ([calling.id] if calling else [])
        notes = self.model.notes.values()
        assert set(self.scores(keys.CALLING)) == {note.id for note in notes if note.state is State.CALLING}
        assert set(self.scores(keys.DEAD)) == {note.id for note in notes if note.state is State.DEAD}
        waiting = {note.id for note in notes if note.state is State.WAITING}
        assert waiting <= set(self.scores(keys.DEADLINES)) <= {note.id for note in notes if note.is_open}

    @invariant()
    def what_has_ended_is_in_its_days_list(self) -> None:
        for (state, day), expected in self.model.days.items():
            name = f"{self.account.prefix}{keys.ENDED}{state}:{day}"
            listed: Any = self.account.client.lrange(name, 0, -1)
            assert sorted(listed) == sorted(expected.ids)

    @invariant()
    def no_line_is_forgotten(self) -> None:
        looks = self.looks()
        assert set(looks) == {mobile for mobile in self.called if self.model.open_notes(mobile)}
        for mobile, at in looks.items():
            lapsed = SECOND if self.model.in_flight(mobile) else 0
            assert at <= max(self.model.next_look(mobile, self.now), self.now) + lapsed

    # In the end.

    def teardown(self) -> None:
        """Whatever happened, all that is open comes to its end once workers are there and the account is not paused."""
        assert self.account.ledger.resume() == self.model.resume()
        for _ in range(100):
            if not (looks := self.looks()):
                break
            self.wait_until(min(looks.values()))
            self.sweep()
            for attempt in self.in_flight():
                self.settle(attempt, LAPSED)
            granted = self.ask(0, most=10)
            for grant in granted:
                self.settle(grant, ACCEPTED)
            if not granted:
                self.let_pass(RAMP_LOOK)
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
