"""Notifications by state: those that are open from their indexes, those that ended by a scan."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from voice_notify.domain.states import State
from voice_notify.ledger import keys
from voice_notify.ledger.notifications import Record, parse_record
from voice_notify.ledger.redis_errors import store_errors
from voice_notify.ledger.scripts import Scripts

if TYPE_CHECKING:
    from collections.abc import Sequence

_CHUNK = 500

#: What of a record decides whether it is listed, and where.
_FIELDS = ("state", "reason", "mobile", "template", "ended")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which notifications; an unset field matches all."""

    reason: str | None = None  #: of its newest transition
    mobile: str | None = None
    template_id: str | None = None

    def matches(self, reason: str, mobile: str, template_id: str) -> bool:
        """Whether a notification with these is among them."""
        return (
            self.reason in (None, reason) and self.mobile in (None, mobile) and self.template_id in (None, template_id)
        )


@dataclass(frozen=True, slots=True)
class Ended:
    """What a scan found."""

    newest: tuple[Record, ...]  #: of those that match, the newest first
    total: int  #: how many match
    complete: bool  #: whether the scan went through all


def read_records(scripts: Scripts, ids: Iterable[str]) -> Iterator[Record]:
    """The notifications with these ids, in that order, in chunks; one that is gone is left out."""
    client, prefix, ids = scripts.client, scripts.prefix, iter(ids)
    while chunk := list(islice(ids, _CHUNK)):
        with store_errors, client.pipeline(transaction=False) as pipe:
            for id_ in chunk:
                pipe.hgetall(prefix + keys.NOTIFICATION + id_)
            found = pipe.execute()
        yield from (parse_record(id_, fields) for id_, fields in zip(chunk, found, strict=True) if fields)


class Listing:
    """The notifications of one account."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts
        self._client: Any = scripts.client

    def calling(self, wanted: Wanted) -> Iterator[Record]:
        """Those in flight, the one whose lease runs out first before the others."""
        with store_errors:
            ids = self._client.zrange(self._scripts.prefix + keys.CALLING, 0, -1)
        return self._of(State.CALLING, ids, wanted)

    def waiting(self, wanted: Wanted) -> Iterator[Record]:
        """Those that wait: the number that is due first before the others, each number's in the order of its line.

        What moves while it is read may be missed.
        """
        numbers = self._numbers() if wanted.mobile is None else iter([wanted.mobile])
        return self._of(State.WAITING, self._lines(numbers), wanted)

    def ended(
        self,
        state: State,
        wanted: Wanted,
        limit: int,
        *,
        show: Callable[[int, float | None], None],
        stopped: Callable[[], bool],
    ) -> Ended:
        """The newest of a final state, by a scan over all notifications; `show` is told how many it has seen.

        While Redis resizes its table, a scan may see and count one twice.
        """
        newest: list[tuple[int, str]] = []  # a heap, the oldest of them on top
        total = seen = 0
        complete = False
        with store_errors:
            keys_in_all = max(1, self._client.dbsize())
        for chunk, scanned, complete in self._scan():  # noqa: B007 - whether the last chunk was the last of all
            for each in self._matching(state, chunk, wanted):
                total += 1
                if each not in newest:
                    heapq.heappush(newest, each)
                if len(newest) > limit:
                    heapq.heappop(newest)
            seen += len(chunk)
            show(seen, min(1.0, scanned / keys_in_all))
            if stopped():
                break
        ids = [id_ for _, id_ in sorted(newest, reverse=True)]
        return Ended(tuple(read_records(self._scripts, ids)), total, complete)

    def _of(self, state: State, ids: Iterable[str], wanted: Wanted) -> Iterator[Record]:
        return (
            each
            for each in read_records(self._scripts, ids)
            if each.state is state and wanted.matches(each.reason, each.mobile, each.template_id)
        )

    def _numbers(self) -> Iterator[str]:
        """Numbers with open work, each once."""
        at, seen = 0, set[str]()
        while True:
            with store_errors:
                chunk: list[str] = self._client.zrange(self._scripts.prefix + keys.AGENDA, at, at + _CHUNK - 1)
            if not chunk:
                return
            at += len(chunk)
            yield from (number for number in chunk if number not in seen)
            seen.update(chunk)

    def _lines(self, numbers: Iterator[str]) -> Iterator[str]:
        while chunk := list(islice(numbers, _CHUNK)):
            with store_errors, self._client.pipeline(transaction=False) as pipe:
                for number in chunk:
                    pipe.zrange(self._scripts.prefix + keys.LINE + number, 0, -1)
                lines = pipe.execute()
            for line in lines:
                yield from line

    def _scan(self) -> Iterator[tuple[Sequence[str], int, bool]]:
        """Ids of notifications, how many keys were looked at so far, and whether those were all."""
        begin = self._scripts.prefix + keys.NOTIFICATION
        cursor, scanned = 0, 0
        while True:
            with store_errors:
                cursor, found = self._client.scan(cursor, match=f"{begin}*", count=_CHUNK)
            scanned += _CHUNK
            yield [key.removeprefix(begin) for key in found], scanned, cursor == 0
            if cursor == 0:
                return

    def _matching(self, state: State, ids: Sequence[str], wanted: Wanted) -> Iterator[tuple[int, str]]:
        with store_errors, self._client.pipeline(transaction=False) as pipe:
            for id_ in ids:
                pipe.hmget(self._scripts.prefix + keys.NOTIFICATION + id_, _FIELDS)
            found = pipe.execute()
        for id_, (its_state, reason, mobile, template_id, ended) in zip(ids, found, strict=True):
            if its_state == state and wanted.matches(reason, mobile, template_id):
                yield int(ended), id_
