"""The reference model: what the ledger should do, as plain Python over plain objects, to compare the ledger with.

It takes its rules from PROVIDER.md and DESIGN.md, and none from the package that it judges: only the names of states
and outcomes, and the values of settings.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from voice_notify.domain.notification import OnUnconfirmed
from voice_notify.domain.outcome import Kind, Outcome
from voice_notify.domain.retry import RetryPolicy
from voice_notify.domain.states import State
from voice_notify.domain.windows import Limits
from voice_notify.ledger.rules import LedgerRules

_DAY = 86_400_000
_CHINA = 8 * 3_600_000  #: ahead of UTC
#: Who was handed a call that lapsed has so long (ms) to settle it.
_HANDED_OVER = 5_000

#: PROVIDER.md, Reply: "not placed". All others were placed, or may have been.
NOT_PLACED = frozenset({Kind.TRANSIENT, Kind.TOMORROW, Kind.REFUSED, Kind.ACCOUNT})
#: Several in a row from different numbers, with one code, point to the account.
SUSPECT = frozenset({Kind.REFUSED, Kind.TOMORROW, Kind.UNCLEAR})
#: DESIGN.md, The account and its breaker: what the provider's illness is called when it asks for time, or else.
_ASKS_FOR_TIME, _OUTAGES = frozenset({"500", "501", "609", "http-429", "http-503"}), ("unreachable", "maintenance")
#: Of the kinds whose failures are the provider's illness, what says nothing about it: a lost worker, or one too late.
_OURS = frozenset({"lease", "too-late"})
#: README.md, When the provider is down: so many calls at once, twice as many with each second, for so long (ms).
_RAMP_FIRST, _RAMP_MS = 4, 10_000
#: Left by nothing. A dead one may be replayed.
FINAL = frozenset({State.ACCEPTED, State.EXPIRED, State.CANCELLED})


def next_midnight(now: int) -> int:
    """When the provider's next day begins: 00:00 in China, which has no daylight saving."""
    return (now + _CHINA) // _DAY * _DAY + _DAY - _CHINA


@dataclass
class Note:
    """One notification."""

    id: str
    mobile: str
    priority: int
    joins: int  #: ms; until then it is scheduled
    since: int  #: ms from which it could have been called, but for its number
    deadline: int  #: ms
    on_unconfirmed: OnUnconfirmed | None = None
    seq: int = 0
    state: State = State.WAITING
    reason: str = ""  #: of a final state
    ended: int = 0  #: ms
    kept_until: int = 0  #: ms, by the server's clock
    attempts: int = 0
    unconfirmed: int = 0
    token: str | None = None
    begun: int = 0  #: ms of its newest attempt
    lapses: int = 0  #: ms at which the call in flight is handed to a sweep
    override: State | None = None
    rang: bool = False  #: as a late success said

    @property
    def is_open(self) -> bool:
        return self.state in (State.WAITING, State.CALLING)


@dataclass
class Day:
    """What came to a final state on a day.

    It is kept as long as the newest in it: where the server's clock went back, less long than those before that.
    """

    ids: set[str] = field(default_factory=set)
    kept_until: int = 0  #: ms, by the server's clock


@dataclass
class Pause:
    """The account is paused; `until` is when a probe may go, None for a pause by hand."""

    reason: str
    until: int | None
    cooldown: int
    probe: str | None = None

    @property
    def is_outage(self) -> bool:
        return self.reason in _OUTAGES


@dataclass
class Ramp:
    """Calls come back after an outage."""

    since: int
    ends: int  #: ms, by the server's clock
    begun: int = 0

    def room(self, now: int) -> int:
        seconds = min((now - self.since) / 1000, 60)  # beyond that any number is as good as none
        return int(_RAMP_FIRST * 2.0**seconds) - self.begun


def illness_of(outcome: Outcome) -> str:
    """What the provider's illness is called, if many numbers in a row meet this; empty: it says nothing of that."""
    ill = outcome.kind in (Kind.TRANSIENT, Kind.UNCONFIRMED) and outcome.code not in _OURS
    page = outcome.kind is Kind.UNCLEAR and outcome.code.startswith("http-")
    if not ill and not page:
        return ""
    return "maintenance" if outcome.code in _ASKS_FOR_TIME else "unreachable"


@dataclass
class Reference:
    """One account. The jitter of a backoff is in its middle: three quarters of the longest wait.

    Redis forgets by the server's clock, which may go back; all else follows the ledger's.
    """

    limits: Limits
    rules: LedgerRules
    policy: RetryPolicy
    notes: dict[str, Note] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)  #: the id of each; it is known as long as its notification
    call_times: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    noted: dict[str, int] = field(default_factory=dict)  #: when a number's calls were last written down
    promised: dict[str, int] = field(default_factory=dict)  #: ms at which a number was free, by calls since forgotten
    holds: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    pause: Pause | None = None
    ramp: Ramp | None = None
    run: set[str] = field(default_factory=set)
    run_code: str = ""
    run_ends: int = 0  #: ms, by the server's clock
    seq: int = 0
    server: int = 0  #: ms, its clock
    forgotten: Counter[State] = field(default_factory=Counter)
    days: dict[tuple[State, int], Day] = field(default_factory=dict)  #: what ended, by state and the provider's day

    # Looking.

    def counts(self) -> dict[State, int]:
        """How many are in each state; of the final ones, those that are no longer kept too."""
        found = self.forgotten + Counter(note.state for note in self.notes.values())
        return {state: found[state] for state in State}

    def open_notes(self, mobile: str) -> list[Note]:
        return [note for note in self.notes.values() if note.mobile == mobile and note.is_open]

    def in_flight(self, mobile: str) -> Note | None:
        return next((note for note in self.open_notes(mobile) if note.state is State.CALLING), None)

    def line(self, mobile: str, now: int) -> list[Note]:
        """Who waits for the number: in line by priority and submission, then those scheduled by their time."""
        waiting = [note for note in self.open_notes(mobile) if note.state is State.WAITING]
        in_line = sorted((note for note in waiting if note.joins <= now), key=lambda note: (-note.priority, note.seq))
        scheduled = sorted((note for note in waiting if note.joins > now), key=lambda note: (note.joins, note.id))
        return in_line + scheduled

    def allows(self, mobile: str, moment: int) -> bool:
        """Whether the number may be called then: a gap since each call, and fewer than a day's calls in any window."""
        calls = self.call_times[mobile]
        in_window = [call for call in calls if moment - call < self.limits.window_ms]
        after_gap = all(moment - call >= self.limits.gap_ms for call in calls)
        return after_gap and len(in_window) < self.limits.max_calls and moment >= self.holds[mobile]

    def free_at(self, mobile: str) -> int:
        """When the number is called at the latest: at some end of a gap, a window or a hold.

        Where the server's clock went on and the ledger's stood, calls are forgotten before they are over: the number
        may be called again, and is by the time that was set while they were known.
        """
        calls, limits = self.call_times[mobile], self.limits
        ends = {0, self.holds[mobile]} | {
            call + length for call in calls for length in (limits.gap_ms, limits.window_ms)
        }
        return max(min(end for end in ends if self.allows(mobile, end)), self.promised.get(mobile, 0))

    def next_look(self, mobile: str, now: int) -> int:
        """When the number's line needs attention."""
        calling = self.in_flight(mobile)
        if calling:
            return calling.lapses
        return max(now, self.free_at(mobile), min(note.joins for note in self.open_notes(mobile)))

    # Time.

    def forget(self) -> None:
        """Drop what is kept no longer: what ended, with its idempotency key, calls of the past; dead letters stay."""
        over = [note for note in self.notes.values() if note.state in FINAL and note.kept_until <= self.server]
        for note in over:
            self.forgotten[note.state] += 1
            del self.notes[note.id]
        for mobile, noted in self.noted.items():
            if noted + max(self.limits.gap_ms, self.limits.window_ms) <= self.server:
                self.promised[mobile] = self.free_at(mobile)
                self.call_times[mobile].clear()
        self.days = {name: day for name, day in self.days.items() if day.kept_until > self.server}
        if self.run_ends <= self.server:
            self.run = set()
        if self.ramp and self.ramp.ends <= self.server:
            self.ramp = None

    def _end(self, note: Note, state: State, reason: str, now: int) -> None:
        note.state, note.reason, note.ended = state, reason, now
        note.kept_until = self.server + self.rules.retention_ms
        if state in FINAL:
            day = self.days.setdefault((state, (now + _CHINA) // _DAY), Day())
            day.ids.add(note.id)
            day.kept_until = note.kept_until

    # What applications do.

    def submit(self, note: Note, key: str | None) -> tuple[str, str]:
        """('stored' | 'duplicate' | 'conflict' | 'full', the id). All have the same text here."""
        known = note.id if note.id in self.notes else self.keys.get(key or "")
        if known in self.notes:
            return ("duplicate", known) if self.notes[known].mobile == note.mobile else ("conflict", "")
        if len(self.open_notes(note.mobile)) >= self.rules.max_line:
            return "full", ""
        self.seq += 1
        note.seq = self.seq
        self.notes[note.id] = note
        if key:
            self.keys[key] = note.id
        return "stored", note.id

    def cancel(self, id_: str, now: int) -> State:
        note = self.notes[id_]
        before = note.state
        if note.state is State.WAITING:
            self._end(note, State.CANCELLED, "cancelled", now)
        elif note.state is State.CALLING and not note.override:
            note.override = State.CANCELLED
        return before

    # What workers do.

    def due(self, now: int) -> list[Note]:
        """The heads of lines whose numbers may be called now."""
        heads = [next(iter(self.line(mobile, now)), None) for mobile in {note.mobile for note in self.notes.values()}]
        free = [head for head in heads if head and not self.in_flight(head.mobile)]
        return [head for head in free if head.joins <= now and self.allows(head.mobile, now)]

    def overdue(self, now: int) -> list[Note]:
        """Those that a process with room must be given."""
        return [head for head in self.due(now) if self.free_at(head.mobile) <= now]

    def goes_before(self, one: Note, other: Note) -> bool:
        """Whether it has to be called first: the more urgent, then the longer due.

        Since when a number is due that was held is not known for ever: limits are forgotten when they are over. And a
        number is as old as the oldest in its line that is as urgent as its head.
        """
        alike = [note for note in self.open_notes(other.mobile) if note.priority == other.priority]
        longer = max(one.since, self.free_at(one.mobile)) < min(note.since for note in alike)
        return one.priority > other.priority or (one.priority == other.priority and longer)

    def room(self, priority: int, most: int, ordinary: int, begun: Sequence[Note]) -> int:
        """How many more calls of a priority a process may begin that has begun some."""
        urgent = self.rules.urgent_priority
        less_urgent = sum(note.priority < urgent for note in begun)
        return most - len(begun) if priority >= urgent else min(most - len(begun), ordinary - less_urgent)

    def grant(  # noqa: PLR0913 - all of a request
        self, ids: Sequence[str], expired: Sequence[str], *, most: int, ordinary: int, request: str, now: int
    ) -> list[Note]:
        """Begin these calls, in this order, and end those past their deadline; what may not be fails."""
        waiting = [head for head in self.overdue(now) if head.deadline > now]
        for id_ in expired:
            assert self.notes[id_].state is State.WAITING
            assert self.notes[id_].deadline <= now
            self._end(self.notes[id_], State.EXPIRED, "deadline", now)
        begun: list[Note] = []
        for id_ in ids:
            note = next(head for head in self.due(now) if head.id == id_)
            assert note.deadline > now
            assert self.may_call(now)
            assert self.may_call_more(now)
            assert self.room(note.priority, most, ordinary, begun) > 0
            passed_over = [head for head in waiting if head not in begun and self.goes_before(head, note)]
            assert not [head for head in passed_over if self.room(head.priority, most, ordinary, begun)]
            begun.append(note)
            self._begin(note, f"{request}-{len(begun)}", now)
        if self.may_call(now) and self.may_call_more(now):
            assert not [head for head in self.overdue(now) if self.room(head.priority, most, ordinary, begun) > 0]
        return begun

    def _begin(self, note: Note, token: str, now: int) -> None:
        note.state, note.token, note.begun, note.lapses = State.CALLING, token, now, now + self.rules.lease_ms
        note.attempts += 1
        self.call_times[note.mobile].append(now)
        self.noted[note.mobile] = self.server
        if self.pause:
            self.pause.probe, self.pause.until = token, now + self.rules.lease_ms
        if self.ramp:
            self.ramp.begun += 1

    def may_call(self, now: int) -> bool:
        return self.pause is None or (self.pause.until is not None and self.pause.until <= now)

    def may_call_more(self, now: int) -> bool:
        """Whether another call may begin, as far as an outage that is over has a say."""
        return self.ramp is None or self.ramp.room(now) > 0

    def hand_over(self, now: int) -> set[str]:
        """Calls whose lease ran out, to whoever sweeps."""
        lapsed = {note.id for note in self.notes.values() if note.state is State.CALLING and note.lapses <= now}
        for id_ in lapsed:
            self.notes[id_].lapses = now + _HANDED_OVER
        return lapsed

    def expire(self, now: int) -> set[str]:
        late = {note.id for note in self.notes.values() if note.state is State.WAITING and note.deadline <= now}
        for id_ in late:
            self._end(self.notes[id_], State.EXPIRED, "deadline", now)
        return late

    def settle(self, id_: str, token: str, outcome: Outcome, now: int, *, lapsed: bool) -> str:
        """End an attempt: by its worker, or (`lapsed`) by a sweep that gives it up."""
        note = self.notes.get(id_)
        if note is None:
            return "gone"
        if note.token != token:
            return "repeated" if lapsed else self._settle_late(note, outcome, now)
        if note.state is not State.CALLING:
            return "repeated" if lapsed else note.state
        if lapsed:
            note.token = None
        self._count(note, outcome, now)
        was_probe = self.pause is not None and self.pause.probe == token
        in_outage = self._hear(note, token, outcome, now)
        keeps_place = in_outage and outcome.kind is Kind.TRANSIENT
        self._move_on(note, outcome, now, keeps_place=keeps_place)
        if keeps_place and was_probe:
            self._let_another_go_next(note)
        return note.state

    def _let_another_go_next(self, note: Note) -> None:
        """What a probe met in an outage may be its own trouble after all."""
        assert self.pause is not None
        assert self.pause.until is not None
        if note.state is State.WAITING:
            note.joins = note.since = self.pause.until + 1

    def _settle_late(self, note: Note, outcome: Outcome, now: int) -> str:
        if self.call_times[note.mobile] and not self.in_flight(note.mobile):
            self.call_times[note.mobile][-1] = now
            self.noted[note.mobile] = self.server
        if outcome.kind is Kind.ACCEPTED:
            note.rang = True
            if note.state is State.WAITING:
                self._end(note, State.ACCEPTED, "late", now)
            elif note.state is State.CALLING:
                note.override = State.ACCEPTED
        return "late"

    def _count(self, note: Note, outcome: Outcome, now: int) -> None:
        """A call that was not placed counts no more; any other counts from the reply on."""
        calls = self.call_times[note.mobile]
        del calls[-1:]  # nothing, where a window has passed meanwhile
        if outcome.kind not in NOT_PLACED:
            calls.append(now)
        self.noted[note.mobile] = self.server
        if outcome.kind is Kind.TOMORROW:
            self.holds[note.mobile] = next_midnight(now)

    def _move_on(self, note: Note, outcome: Outcome, now: int, *, keeps_place: bool) -> None:
        """DESIGN.md, Outcomes of an attempt; what a person, a late success or the deadline said goes before a retry.

        Where the provider is ill, and nothing was placed, it is as if there had been no attempt.
        """
        override, note.override = note.override, None
        end = None if keeps_place else self._end_after(note, outcome)
        note.unconfirmed += outcome.kind is Kind.UNCONFIRMED
        if override and not (end and end[0] is State.ACCEPTED):
            self._end(note, override, "late" if override is State.ACCEPTED else "cancelled", now)
        elif end:
            self._end(note, *end, now)
        elif note.deadline <= now:
            self._end(note, State.EXPIRED, "deadline", now)
        elif keeps_place:
            note.state = State.WAITING
            note.attempts -= 1
        else:
            note.state, note.joins = State.WAITING, self._joins_after(note, outcome, now)
            note.since = max(now, note.joins)

    def _end_after(self, note: Note, outcome: Outcome) -> tuple[State, str] | None:
        """The final state that follows, and its reason; None: it is tried again."""
        match outcome.kind:
            case Kind.ACCEPTED:
                return State.ACCEPTED, "placed"
            case Kind.REFUSED | Kind.UNCLEAR | Kind.ACCOUNT:
                return State.DEAD, str(outcome.kind)
            case Kind.TRANSIENT if note.attempts >= self.policy.max_attempts:
                return State.DEAD, "exhausted"
            case Kind.UNCONFIRMED:
                return self._end_after_unconfirmed(note)
        return None

    def _end_after_unconfirmed(self, note: Note) -> tuple[State, str] | None:
        match note.on_unconfirmed or self.policy.on_unconfirmed:
            case OnUnconfirmed.ASSUME_SENT:
                return State.ACCEPTED, "assumed"
            case OnUnconfirmed.RESEND if note.unconfirmed < self.policy.max_unconfirmed:
                return None
        return State.DEAD, "unconfirmed"

    def _joins_after(self, note: Note, outcome: Outcome, now: int) -> int:
        """When one that is tried again joins its line; all but a backoff wait for their number only."""
        if outcome.kind is not Kind.TRANSIENT:
            return 0
        longest_s = min(self.policy.backoff_base * 2.0 ** (note.attempts - 1), self.policy.backoff_max)
        return now + round(0.75 * longest_s * 1000)

    def _hear(self, note: Note, token: str, outcome: Outcome, now: int) -> bool:
        """What an outcome says about the account, or the provider. Returns whether it met an outage.

        While the account is paused only the probe is heard: other calls began before the pause.
        """
        illness = illness_of(outcome)
        is_run = self._completes_run(note, outcome, illness or outcome.code)
        goes_on = self.pause is not None and self.pause.is_outage
        if self.pause and self.pause.probe != token:
            return goes_on and illness != ""
        if self.pause:
            self._hear_probe(self.pause, outcome, now, is_run=is_run)
        elif outcome.kind is Kind.ACCOUNT or is_run:
            self._pause(outcome, now)
        return (goes_on or is_run) and illness != ""

    def _hear_probe(self, pause: Pause, outcome: Outcome, now: int, *, is_run: bool) -> None:
        pause.probe = None
        if outcome.kind is Kind.ACCEPTED or (pause.is_outage and self._is_refusal(outcome) and not is_run):
            self.pause, self.run, self.run_code = None, set(), ""
            if pause.is_outage:
                self.ramp = Ramp(now, self.server + _RAMP_MS)
        elif outcome.kind is Kind.ACCOUNT or is_run or (pause.is_outage and illness_of(outcome)):
            self._pause(outcome, now)
        else:
            pause.until = now + pause.cooldown

    def _pause(self, outcome: Outcome, now: int) -> None:
        """For the first cool-down, or twice that of a pause of the same sort whose probe failed."""
        illness, before = illness_of(outcome), self.pause
        first, most = self.rules.cooldown_ms, self.rules.cooldown_max_ms
        if illness:
            first, most = self.rules.outage_probe_ms, self.rules.outage_probe_max_ms
        is_same = before is not None and before.is_outage == bool(illness)
        cooldown = min(most, 2 * before.cooldown) if before and is_same else first
        reason, until = illness or "suspect", now + cooldown
        if outcome.kind is Kind.ACCOUNT:
            reason = outcome.code
        elif outcome.kind is Kind.TOMORROW:
            reason, until = "quota", max(until, next_midnight(now))
        self.pause = Pause(reason, until, cooldown)

    def _is_refusal(self, outcome: Outcome) -> bool:
        """Whether the provider answered, and the answer is about the notification, unless all are given it."""
        return outcome.kind in SUSPECT and not illness_of(outcome)

    def _completes_run(self, note: Note, outcome: Outcome, alike: str) -> bool:
        """Whether so many numbers in a row met the same that it is not about them."""
        if outcome.kind is Kind.ACCEPTED:
            self.run, self.run_code = set(), ""
        illness = illness_of(outcome)
        if not illness and not self._is_refusal(outcome):
            return False
        if self.run_code != alike:
            self.run, self.run_code = set(), alike
        enough = self.rules.outage_run if illness else self.rules.suspect_run
        if len(self.run) < enough:
            self.run.add(note.mobile)
            self.run_ends = self.server + self.rules.retention_ms
        return len(self.run) >= enough

    # What people do.

    def replay(self, id_: str, now: int, expires: int) -> bool:
        note = self.notes.get(id_)
        is_full = note is not None and len(self.open_notes(note.mobile)) >= self.rules.max_line
        if note is None or note.state is not State.DEAD or note.rang or is_full:
            return False
        self.seq += 1
        note.state, note.seq, note.joins, note.deadline = State.WAITING, self.seq, 0, now + expires
        note.since = now
        note.attempts, note.unconfirmed, note.token = 0, 0, None
        return True

    def drop(self, now: int) -> set[str]:
        """Dead letters that nobody has moved on, by whoever sweeps."""
        dead = [note for note in self.notes.values() if note.state is State.DEAD]
        old = {note.id for note in dead if note.ended + self.rules.dead_retention_ms <= now}
        for id_ in old:
            del self.notes[id_]
        return old

    def purge(self, id_: str) -> bool:
        note = self.notes.get(id_)
        if note is None or note.state is not State.DEAD:
            return False
        del self.notes[id_]
        return True

    def pause_by_hand(self) -> bool:
        if self.pause and self.pause.until is None:
            return False
        self.pause = Pause("manual", None, 0)
        return True

    def resume(self) -> bool:
        was_paused, self.pause = self.pause is not None, None
        self.run, self.run_code = set(), ""
        return was_paused
