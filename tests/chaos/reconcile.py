"""Three records, one truth: the replies to the producers, the ledger, and the sandbox's own list of calls."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.fire import Scene
from tests.chaos.plan import GAP, MAX_CALLS, NETWORK_DELAY, WINDOW
from voice_notify.domain.states import State
from voice_notify.errors import UnknownNotification
from voice_notify.ledger.explanation import Explanation

#: Notes in a history after which a second call is explained: the outcome of the first was unknown.
_UNKNOWN = ("read-timeout", "cut", "garbage", "lease", "http-502", "reply-too-large")

#: Seconds between which and the moment that is known here a call may have been allowed, or have begun.
_UNSURE = 2.0


@dataclass(frozen=True)
class FirstCall:
    """The one call of a notification that was called once."""

    key: str
    priority: int
    allowed: float  #: by its submission and the calls to its number (seconds since the epoch)
    arrived: float
    is_sure: bool  #: that `allowed` is right: nothing went wrong with any call to the number


@dataclass
class Findings:
    """What a run came to."""

    planned: int
    submitted: int = 0  #: acknowledged to a producer
    states: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)  #: acknowledged to a producer, and not in exactly one final state
    violations: int = 0  #: of the windows, as the sandbox judged
    duplicates: int = 0  #: calls beyond the first of a notification
    unexplained: list[str] = field(default_factory=list)  #: duplicates without a recorded unknown outcome
    unaccounted: list[str] = field(default_factory=list)  #: accepted without a call, or called without a record of it
    overdue: list[str] = field(default_factory=list)  #: called after the deadline
    passed_over: list[str] = field(default_factory=list)  #: called after less urgent ones that were allowed no sooner
    lateness: dict[int, list[float]] = field(default_factory=dict)  #: by priority: seconds of each first call

    @property
    def held(self) -> bool:
        """Whether every guarantee held."""
        broken = self.lost or self.unexplained or self.unaccounted or self.overdue or self.passed_over
        return self.submitted == self.planned > 0 and not self.violations and not broken


def reconcile(made: Scene) -> Findings:
    """Compare the three records."""
    calls: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for call in made.sandbox.get("/calls"):
        if call["placed"]:
            calls[call["param"].split(",")[0]].append(call)
    found = Findings(made.plan.notifications, violations=len(made.sandbox.get("/violations")))
    known: dict[str, Explanation] = {}
    for key, ids in _acknowledged(made).items():
        found.submitted += 1
        explained = _explain(made, ids)
        if explained is None or len(ids) != 1 or not explained.record.state.final:
            found.lost.append(key)
            continue
        known[key] = explained
        found.states[explained.record.state] += 1
        _check(found, key, explained, calls[key])
    found.unaccounted += [key for key in calls if key not in known and calls[key]]
    delayed = {row["key"] for row in made.plan.rows() if "countdown" in row}
    first = [call for call in _first_calls(known, calls) if call.key not in delayed]
    for call in first:
        found.lateness.setdefault(call.priority, []).append(call.arrived - call.allowed)
    found.passed_over = [call.key for call in first if call.is_sure and _is_passed_over(call, first)]
    return found


def _acknowledged(made: Scene) -> dict[str, set[str]]:
    ids: defaultdict[str, set[str]] = defaultdict(set)
    for share in range(made.plan.producers):
        for line in made.replies(share).read_text().splitlines():
            key, id_ = line.split()
            ids[key].add(id_)
    return ids


def _explain(made: Scene, ids: Iterable[str]) -> Explanation | None:
    try:
        return made.ledger.explain(next(iter(ids)))
    except UnknownNotification:
        return None


def _check(found: Findings, key: str, explained: Explanation, calls: list[dict[str, Any]]) -> None:
    record = explained.record
    unknown = sum(step.detail.split(" ")[0] in _UNKNOWN for step in explained.history)
    found.duplicates += max(0, len(calls) - 1)
    if len(calls) - 1 > unknown:
        found.unexplained.append(key)
    if record.state is State.ACCEPTED and not calls:
        found.unaccounted.append(key)
    if record.state is not State.ACCEPTED and len(calls) > unknown:
        found.unaccounted.append(key)
    # On the wire before the deadline; the delay on the way is the network's.
    latest = (record.deadline_ms or 0) / 1000 + NETWORK_DELAY[1] + 0.1
    if record.deadline_ms and any(call["arrived"] > latest for call in calls):
        found.overdue.append(key)


def _first_calls(known: dict[str, Explanation], calls: dict[str, list[dict[str, Any]]]) -> Iterator[FirstCall]:
    by_number: defaultdict[str, list[tuple[float, str]]] = defaultdict(list)
    for key, placed in calls.items():
        for call in placed:
            by_number[call["mobile"]].append((call["arrived"], key))
    for arrivals in by_number.values():
        yield from _first_calls_to_number(sorted(arrivals), known)


def _first_calls_to_number(arrivals: list[tuple[float, str]], known: dict[str, Explanation]) -> Iterator[FirstCall]:
    is_sure = all(key in known and known[key].record.attempts == 1 for _, key in arrivals)
    for position, (arrived, key) in enumerate(arrivals):
        if key not in known or known[key].record.attempts > 1:
            continue
        allowed = known[key].record.created_ms / 1000
        if position:
            allowed = max(allowed, arrivals[position - 1][0] + GAP)
        if position >= MAX_CALLS:
            allowed = max(allowed, arrivals[position - MAX_CALLS][0] + WINDOW)
        yield FirstCall(key, known[key].record.priority, allowed, arrived, is_sure)


def _is_passed_over(call: FirstCall, others: list[FirstCall]) -> bool:
    """Whether a less urgent one was called while this one surely could have been."""
    since, until = call.allowed + _UNSURE, call.arrived - _UNSURE
    return any(other.priority < call.priority and since < other.arrived < until for other in others)
