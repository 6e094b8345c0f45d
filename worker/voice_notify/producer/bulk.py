"""Submitting many notifications, in pipelined chunks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from voice_notify.domain.notification import Notification
from voice_notify.domain.states import State
from voice_notify.errors import InvalidNotification, StoreUnavailable, VoiceNotifyError
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

    def __reduce__(self) -> tuple[Any, ...]:
        """As one process of an application tells another."""
        return _restored, (type(self), str(self), self.result, self.position)


class RowsFailed(VoiceNotifyError):
    """What gave the rows raised an error, its `__cause__`: `result` is of those before `position`, all submitted."""

    def __init__(self, result: BulkResult, position: int, cause: Exception) -> None:
        super().__init__(f"the rows ended at {position} with {type(cause).__name__}: {cause}")
        self.result = result
        self.position = position

    def __reduce__(self) -> tuple[Any, ...]:
        """As one process of an application tells another."""
        return _restored, (type(self), str(self), self.result, self.position)


def _restored(kind: type[Any], text: str, result: BulkResult, position: int) -> Any:  # noqa: ANN401 - either of them
    error: Any = kind.__new__(kind, text)
    error.args = (text,)
    error.result, error.position = result, position
    return error


def submit_bulk(
    ledger: Ledger, rows: Iterable[Row], build: Build, *, chunk: int, progress: Callable[[int], None] | None = None
) -> BulkResult:
    """Submit `rows`, `chunk` in a round trip; `progress` is told how many rows each took. Raises `BulkInterrupted`."""
    result, source = BulkResult(), _Rows(rows)
    while taken := list(islice(source, chunk)):
        try:
            _submit_chunk(ledger, taken, build, result)
        except StoreUnavailable as error:
            raise BulkInterrupted(result, taken[0][0], error) from error
        if progress:
            progress(len(taken))
    result.refused.sort(key=lambda refusal: refusal.position)
    if source.failure:
        raise RowsFailed(result, source.taken, source.failure) from source.failure
    return result


class _Rows:
    """The rows with their positions, up to the error that their source raises, if any."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows = iter(rows)
        self.taken = 0
        self.failure: Exception | None = None

    def __iter__(self) -> Iterator[tuple[int, Row]]:
        return self

    def __next__(self) -> tuple[int, Row]:
        if self.failure:
            raise StopIteration
        try:
            row = next(self._rows)
        except StopIteration:
            raise
        except Exception as error:  # noqa: BLE001 - it is raised again when those before it are submitted
            self.failure = error
            raise StopIteration from None
        self.taken += 1
        return self.taken - 1, row


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
