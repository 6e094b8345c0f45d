"""The dead letters: notifications that only a person moves on."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from voice_notify.domain.states import State
from voice_notify.errors import LedgerDamaged
from voice_notify.ledger import keys
from voice_notify.ledger.contracts import PURGE, REPLAY, Done, OneId, ReplayCall, ReplayReply
from voice_notify.ledger.declaration import BatchScript, CommonT, Nothing, ReplyT
from voice_notify.ledger.notifications import Record
from voice_notify.ledger.paging import PAGE, START, pages_of_set, read_records
from voice_notify.ledger.redis_errors import store_errors
from voice_notify.ledger.results import ReplayStatus
from voice_notify.ledger.scripts import Scripts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@dataclass(frozen=True, slots=True)
class Filter:
    """Which dead letters; an unset field matches all."""

    code: str | None = None
    reason: str | None = None
    mobile: str | None = None
    template_id: str | None = None
    older_than_ms: int | None = None  #: dead for at least so long
    newer_than_ms: int | None = None  #: dead for at most so long

    def matches(self, letter: Record) -> bool:
        """Whether `letter`, whose age is right, is among them."""
        return (
            self.code in (None, letter.code)
            and self.reason in (None, letter.reason)
            and self.mobile in (None, letter.mobile)
            and self.template_id in (None, letter.template_id)
        )


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of a replay of many; the rest had left the dead letters, or their phones rang."""

    done: int
    full: int  #: left where they are: the line of their number holds `max_line` open notifications


class DeadLetters:
    """The dead letters of one account."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    def count(self) -> int:
        """How many there are."""
        with store_errors:
            return int(self._scripts.client.zcard(self._scripts.prefix + keys.DEAD))

    def dropped_within(self, milliseconds: int) -> int:
        """How many `dead_retention` deletes in that time, unless somebody moves them on."""
        if not (kept_ms := self._scripts.rules.dead_retention_ms):
            return 0
        until = self._scripts.now_ms() - kept_ms + milliseconds
        with store_errors:
            return int(self._scripts.client.zcount(self._scripts.prefix + keys.DEAD, "-inf", until))

    def find(self, only: Filter, limit: int | None = None) -> Iterator[Record]:
        """Those that match, oldest first, read in pages; safe while others are added or taken out."""
        return islice(
            (letter for letter in read_records(self._scripts, self._ids(only)) if only.matches(letter)), limit
        )

    def get(self, ids: Iterable[str]) -> Iterator[Record]:
        """Those of `ids` that are dead letters, in that order."""
        return (letter for letter in read_records(self._scripts, ids) if letter.state is State.DEAD)

    def replay(self, ids: Iterable[str], expires: float, *, include_called: bool = False) -> Replayed:
        """Give them back to their lines, with a new deadline in `expires` seconds.

        Those whose phone rang, as a late success said, stay unless `include_called`. Raises `LedgerDamaged` when all
        others are done.
        """
        call = ReplayCall(round(expires * 1000), int(include_called))
        replayed, full = ReplayReply(ReplayStatus.REPLAYED), ReplayReply(ReplayStatus.FULL)
        found = self._each(REPLAY, call, ids, replayed)
        return Replayed(found[replayed], found[full])

    def purge(self, ids: Iterable[str]) -> int:
        """Delete them permanently. Returns the number deleted."""
        done = Done(done=True)
        return self._each(PURGE, Nothing(), ids, done)[done]

    def _each(
        self, script: BatchScript[CommonT, OneId, ReplyT], common: CommonT, ids: Iterable[str], done: ReplyT
    ) -> Counter[ReplyT]:
        """How often the script gave each reply; one of them says that it did what it should."""
        found: Counter[ReplyT] = Counter()
        damaged: list[LedgerDamaged] = []
        ids = iter(ids)
        while chunk := list(islice(ids, PAGE)):
            for reply in self._scripts.run_each(script, common, [OneId(id_) for id_ in chunk]):
                if isinstance(reply, LedgerDamaged):
                    damaged.append(reply)
                else:
                    found[reply] += 1
        if damaged:
            raise LedgerDamaged(f"{found[done]} done, {len(damaged)} damaged and left as they are: {damaged[0]}")
        return found

    def _ids(self, only: Filter) -> Iterator[str]:
        """Of all letters of the right age; what dies from now on is left out, also where it was among them before."""
        client: Any = self._scripts.client
        now = self._scripts.now_ms()
        with store_errors:
            newest = client.zrange(self._scripts.prefix + keys.DEAD, -1, -1, withscores=True)
        until = newest[0][1] if newest else 0
        if only.older_than_ms is not None:
            until = min(until, now - only.older_than_ms)
        after = START if only.newer_than_ms is None else (float(now - only.newer_than_ms), "")
        for page in pages_of_set(self._scripts, keys.DEAD, after):
            for died_ms, id_ in page:
                if died_ms > until:
                    return
                yield id_
