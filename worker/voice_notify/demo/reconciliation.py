"""The sandbox's record against the ledger's: two witnesses that share no code."""

from __future__ import annotations

from collections import Counter

from voice_notify.demo.check import Check, Seen
from voice_notify.demo.evidence import Evidence
from voice_notify.domain.states import State


def reconcile() -> list[Check]:
    """Return the checks of everything that was submitted."""
    return [
        Check("sandbox: the two windows", "no violation", _see_violations),
        Check("sandbox: what was accepted", "one call each, text as submitted", _see_accepted),
        Check("sandbox: every further call", "only after an unknown outcome", _see_further_calls),
        Check("ledger: nothing is lost", "each in a final state", _see_states),
    ]


def _see_violations(evidence: Evidence) -> Seen:
    return Seen(f"{evidence.violations} violations in {len(evidence.requests)} requests", evidence.violations == 0)


def _see_accepted(evidence: Evidence) -> Seen:
    placed = Counter(
        (request.call_id, request.mobile, request.param) for request in evidence.requests if request.placed
    )
    accepted = [record for record in evidence.records if record.state is State.ACCEPTED]
    found = sum(placed[record.call_id, record.mobile, ",".join(record.params)] == 1 for record in accepted)
    return Seen(f"{len(accepted)} accepted, {found} found", found == len(accepted) > 0)


def _see_further_calls(evidence: Evidence) -> Seen:
    calls = Counter(request.mobile for request in evidence.requests if request.placed)
    accepted = Counter(record.mobile for record in evidence.records if record.state is State.ACCEPTED)
    unknown = Counter[str]()
    for record in evidence.records:
        unknown[record.mobile] += record.unconfirmed
    further = calls - accepted
    text = f"{further.total()} further, {unknown.total()} unknown"
    return Seen(text, further <= unknown and accepted <= calls)


def _see_states(evidence: Evidence) -> Seen:
    states = Counter(record.state for record in evidence.records)
    text = ", ".join(f"{count} {state}" for state, count in states.most_common())
    return Seen(text, all(state.final for state in states))
