"""What the ledger and the sandbox say when all is over. Neither knows of the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import voice_notify
from voice_notify.demo.sandbox_client import Request, SandboxClient
from voice_notify.domain.states import State
from voice_notify.ledger.explanation import Explanation
from voice_notify.ledger.notifications import Record


@dataclass(frozen=True, slots=True)
class Evidence:
    """The ledger's notifications by id, the sandbox's requests in order of arrival, and how many broke a window."""

    explanations: Mapping[str, Explanation]
    requests: Sequence[Request]
    violations: int

    @property
    def records(self) -> list[Record]:
        """All notifications."""
        return [each.record for each in self.explanations.values()]

    def record(self, id_: str) -> Record:
        """Return one notification."""
        return self.explanations[id_].record

    def reasons(self, id_: str) -> list[str]:
        """Return the reasons of a notification's transitions, in order."""
        return [each.reason for each in self.explanations[id_].history]

    def accepted(self, ids: Iterable[str]) -> int:
        """Return the number of `ids` that were accepted."""
        return sum(self.record(id_).state is State.ACCEPTED for id_ in ids)

    def requests_of(self, mobile: str) -> list[Request]:
        """Return the requests for one number."""
        return [request for request in self.requests if request.mobile == mobile]

    def outcomes_of(self, mobile: str) -> list[str]:
        """Return how each of the requests for one number ended."""
        return [request.outcome for request in self.requests_of(mobile)]


def gather_evidence(sandbox: SandboxClient, ids: Iterable[str]) -> Evidence:
    """Ask the ledger about `ids`, and the sandbox about everything."""
    return Evidence(
        {id_: voice_notify.explain(id_) for id_ in dict.fromkeys(ids)}, sandbox.requests(), sandbox.violations()
    )
