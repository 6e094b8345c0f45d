"""Submitting many notifications, in pipelined chunks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from voice_notify.domain.notification import Notification
from voice_notify.domain.states import State
from voice_notify.errors import InvalidNotification, StoreUnavailable
from voice_notify.ledger.contracts import Submission
from voice_notify.ledger.ledger import Ledger, SubmitError

#: `(mobile, template_id, params)`, or a mapping with these names and those of the options.
Row = Sequence[Any] | Mapping[str, Any]
Build = Callable[[Row], Notification]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row that was not stored."""

    position: int  #: of the row, from 0
    error: InvalidNotification | SubmitError


@dataclass(slots=True)
class BulkResult:
    """What became of the rows."""

    ids: list[str] = field(default_factory=list)  #: of the rows not refused, in order; a duplicate has the first's id
    known: Counter[State] = field(
        default_factory=Counter
    )  #: of rows whose key or id was known: in which state those are
    refused: list[Refusal] = field(default_factory=list)

    @property
    def duplicates(self) -> int:
        """Rows whose key or id was known: nothing new was stored."""
        return self.known.total()


class BulkInterrupted(StoreUnavailable):
    """Redis was lost in the middle: `result` holds what is known; rows from `position` on may be stored or not."""

    def __init__(self, result: BulkResult, position: int, cause: StoreUnavailable) -> None:
        super().__init__(f"{cause}; rows from {position} on are unknown, submit them again with the same keys")
        self.result = result
        self.position = position


def submit_bulk(
    ledger: Ledger, rows: Iterable[Row], build: Build, *, chunk: int, progress: Callable[[int], None] | None = None
) -> BulkResult:
    """Submit `rows`, `chunk` in a round trip; `progress` is told how many rows each took. Raises `BulkInterrupted`."""
    result = BulkResult()
    numbered = enumerate(rows)
    while taken := list(islice(numbered, chunk)):
        try:
            _submit_chunk(ledger, taken, build, result)
        except StoreUnavailable as error:
            raise BulkInterrupted(result, taken[0][0], error) from error
        if progress:
            progress(len(taken))
    result.refused.sort(key=lambda refusal: refusal.position)
    return result


def _submit_chunk(ledger: Ledger, taken: Sequence[tuple[int, Row]], build: Build, result: BulkResult) -> None:
    good: list[tuple[int, Notification]] = []
    for position, row in taken:
        try:
            good.append((position, build(row)))
        except InvalidNotification as error:
            result.refused.append(Refusal(position, error))
    if not good:
        return
    for (position, _), submitted in zip(good, ledger.submit_many([each for _, each in good]), strict=True):
        if not isinstance(submitted, Submission):
            result.refused.append(Refusal(position, submitted))
        else:
            result.ids.append(submitted.id)
            if submitted.duplicate and submitted.state:
                result.known[submitted.state] += 1
