"""The reference model: what the ledger should do, as plain Python over plain objects, to compare the scripts with."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from voice_notify.domain.outcome import Outcome
from voice_notify.domain.retry import Step, Verdict, Window
from voice_notify.domain.states import State
from voice_notify.domain.windows import Limits, next_free
from voice_notify.ledger.rules import LedgerRules


@dataclass
class Note:
    """One notification."""

    id: str
    mobile: str
    priority: int
    seq: int
    joins: int  #: ms
    deadline: int  #: ms
    state: State = State.WAITING
    attempts: int = 0
    unconfirmed: int = 0
    token: str | None = None
    begun: int = 0  #: ms of its newest attempt
    lapses: int = 0  #: ms at which the call in flight is handed to a pump
    override: State | None = None
    rang: bool = False  #: as a late success said

    @property
    def is_open(self) -> bool:
        return self.state in (State.WAITING, State.CALLING)


@dataclass
class Pause:
    """The account is paused; `until` is when a probe may go, None for a pause by hand."""

    until: int | None
    cooldown: int
    probe: str | None = None


@dataclass
class Reference:
    """One account."""

    limits: Limits
    options: LedgerRules
    notes: dict[str, Note] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    call_times: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    holds: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    pause: Pause | None = None
    run: set[str] = field(default_factory=set)
    run_code: str = ""
    seq: int = 0

    # Looking.

    def open_notes(self, mobile: str) -> list[Note]:
        return [note for note in self.notes.values() if note.mobile == mobile and note.is_open]

    def in_flight(self, mobile: str) -> Note | None:
        return next((note for note in self.open_notes(mobile) if note.state is State.CALLING), None)

    def line(self, mobile: str, now: int) -> list[Note]:
        """Who waits for the number: in line by priority and submission, then those beside it by their time."""
        waiting = [note for note in self.open_notes(mobile) if note.state is State.WAITING]
        in_line = sorted((note for note in waiting if note.joins <= now), key=lambda note: (-note.priority, note.seq))
        beside = sorted((note for note in waiting if note.joins > now), key=lambda note: (note.joins, note.id))
        return in_line + beside

    def free_at(self, mobile: str) -> int:
        return max(next_free(self.call_times[mobile], self.limits), self.holds[mobile])

    def next_look(self, mobile: str, now: int) -> int:
        """When the number's line needs attention."""
        calling = self.in_flight(mobile)
        if calling:
            return calling.lapses
        return max(now, self.free_at(mobile), min(note.joins for note in self.open_notes(mobile)))

    # What applications do.

    def submit(self, note: Note, key: str | None) -> tuple[str, str]:
        """('stored' | 'duplicate' | 'full', the id)."""
        known = note.id if note.id in self.notes else self.keys.get(key or "")
        if known not in self.notes:
            known = None
        if known:
            return "duplicate", known
        if len(self.open_notes(note.mobile)) >= self.options.max_line:
            return "full", ""
        self.seq += 1
        note.seq = self.seq
        self.notes[note.id] = note
        if key:
            self.keys[key] = note.id
        return "stored", note.id

    def cancel(self, id_: str) -> State:
        note = self.notes[id_]
        before = note.state
        if note.state is State.WAITING:
            note.state = State.CANCELLED
        elif note.state is State.CALLING and not note.override:
            note.override = State.CANCELLED
        return before

    # What workers do.

    def begin(self, id_: str, token: str, now: int) -> Note | None:
        mobile = self.notes[id_].mobile
        calling = self.in_flight(mobile)
        if calling:
            return calling if calling.token == token else None
        for note in self.line(mobile, now):
            if note.deadline > now:
                break
            note.state = State.EXPIRED
        line = self.line(mobile, now)
        if not line or line[0].joins > now or self.free_at(mobile) > now or not self._gate(token, now):
            return None
        head = line[0]
        head.state, head.token, head.begun, head.lapses = State.CALLING, token, now, now + self.options.lease_ms
        head.attempts += 1
        self.call_times[mobile].append(now)
        return head

    def _gate(self, token: str, now: int) -> bool:
        if self.pause is None:
            return True
        if self.pause.until is None or self.pause.until > now:
            return False
        self.pause.probe, self.pause.until = token, now + self.options.lease_ms
        return True

    def claim_lapsed(self, now: int) -> set[str]:
        lapsed = {note.id for note in self.notes.values() if note.state is State.CALLING and note.lapses <= now}
        for id_ in lapsed:
            self.notes[id_].lapses = now + self.options.wakeup_lease_ms
        return lapsed

    def expire(self, now: int) -> set[str]:
        late = {note.id for note in self.notes.values() if note.state is State.WAITING and note.deadline <= now}
        for id_ in late:
            self.notes[id_].state = State.EXPIRED
        return late

    def settle(self, id_: str, token: str, outcome: Outcome, step: Step, now: int) -> str:
        note = self.notes.get(id_)
        if note is None:
            return "gone"
        if note.token != token:
            return "repeated" if outcome.code == "lease" else self._settle_late(note, step, now)
        if note.state is not State.CALLING:
            return "repeated"
        self._charge(note, step, now)
        if outcome.code == "lease":
            note.token = None
        note.unconfirmed += outcome.kind == "unconfirmed"
        override, note.override = note.override, None
        note.state = step.state if step.state is State.ACCEPTED else override or step.state
        if note.state is State.WAITING:
            note.joins = max(step.ready_at_ms, 0)
            if note.deadline <= now:
                note.state = State.EXPIRED
        self._hear(note, token, outcome, step, now)
        return note.state

    def _settle_late(self, note: Note, step: Step, now: int) -> str:
        if self.call_times[note.mobile] and not self.in_flight(note.mobile):
            self.call_times[note.mobile][-1] = now
        note.rang = note.rang or step.verdict is Verdict.SUCCESS
        if step.verdict is Verdict.SUCCESS and note.state is State.WAITING:
            note.state = State.ACCEPTED
        elif step.verdict is Verdict.SUCCESS and note.state is State.CALLING:
            note.override = State.ACCEPTED
        return "late"

    def _charge(self, note: Note, step: Step, now: int) -> None:
        if step.window is Window.RELEASE:
            self.call_times[note.mobile].pop()
        else:
            self.call_times[note.mobile][-1] = now
        if step.hold_until_ms > now:
            self.holds[note.mobile] = step.hold_until_ms

    def _hear(self, note: Note, token: str, outcome: Outcome, step: Step, now: int) -> None:
        """What an outcome says about the account."""
        suspected = self._is_suspect(note, outcome, step)
        fails = step.verdict is Verdict.FAILED or suspected
        if self.pause is None:
            if fails:
                cooldown = self.options.cooldown_ms
                self.pause = Pause(max(step.pause_until_ms, now + cooldown), cooldown)
        elif self.pause.probe == token:
            self.pause.probe = None
            if step.verdict is Verdict.SUCCESS:
                self.pause = None
                return
            if fails:
                self.pause.cooldown = min(self.options.cooldown_max_ms, 2 * self.pause.cooldown)
            self.pause.until = max(step.pause_until_ms if fails else 0, now + self.pause.cooldown)

    def _is_suspect(self, note: Note, outcome: Outcome, step: Step) -> bool:
        if step.verdict is Verdict.SUCCESS:
            self.run, self.run_code = set(), ""
        if step.verdict is not Verdict.SUSPECT:
            return False
        if self.run_code != outcome.code:
            self.run, self.run_code = set(), outcome.code
        self.run.add(note.mobile)
        return len(self.run) >= self.options.suspect_run

    # What people do.

    def replay(self, id_: str, now: int, expires: int) -> bool:
        note = self.notes.get(id_)
        if note is None or note.state is not State.DEAD or note.rang:
            return False
        self.seq += 1
        note.state, note.seq, note.joins, note.deadline = State.WAITING, self.seq, 0, now + expires
        note.attempts, note.unconfirmed, note.token = 0, 0, None
        return True

    def purge(self, id_: str) -> bool:
        note = self.notes.get(id_)
        if note is None or note.state is not State.DEAD:
            return False
        del self.notes[id_]
        return True

    def pause_by_hand(self) -> bool:
        if self.pause and self.pause.until is None:
            return False
        self.pause = Pause(None, 0)
        return True

    def resume(self) -> bool:
        was_paused, self.pause = self.pause is not None, None
        self.run, self.run_code = set(), ""
        return was_paused
