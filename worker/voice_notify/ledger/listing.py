"""Notifications by state, from an index of each state."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from voice_notify.domain.calendar import china_day
from voice_notify.domain.states import State
from voice_notify.ledger import keys, paging
from voice_notify.ledger.notifications import Record, parse_record
from voice_notify.ledger.paging import START, Entry, pages_of_list, pages_of_set, score_text
from voice_notify.ledger.redis_errors import store_errors
from voice_notify.ledger.scripts import Scripts

#: How many of each line are read in one round trip with the lines of other numbers: most lines are short.
_FIRST_IN_LINE = 5

_SCORE = r"(-?(?:inf|[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?))"
_ID = r"([A-Za-z0-9_.:-]{1,64})"

#: An id behind its place in its index: text, which `find` goes on from.
Placed = tuple[str, str]


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
class Found:
    """What a search found."""

    records: tuple[Record, ...]
    #: Where another search goes on from, as its `after`; None: nothing is left to look at. What is left may not match.
    next: str | None
    complete: bool = True  #: False: it was stopped before it had found enough, or looked at all


class UnknownPlace(ValueError):
    """There is no such place in the index, or nobody knows any more where it was."""


class Listing:
    """The notifications of one account."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts
        self._client: Any = scripts.client

    def find(  # noqa: PLR0913 - what is wanted, and how the search is to be told of
        self,
        state: State,
        wanted: Wanted,
        limit: int,
        after: str | None = None,
        *,
        show: Callable[[int], None] = lambda _: None,
        stopped: Callable[[], bool] = lambda: False,
    ) -> Found:
        """The first `limit` in `state` that match, from the beginning or from the `next` of another search.

        Calling: the one whose lease runs out first before the others. Waiting: the number whose turn comes first before
        the others, each number's in the order of its line. Dead: the oldest first. The other final states: the newest
        first, as far as `retention` keeps them. What moves in its index meanwhile may be missed, or come twice.

        `show` is told how many were looked at so far; once `stopped` says so, the search ends. Raises `UnknownPlace`
        for an `after` that no search gave, or that leads to a notification which is not kept any more.
        """
        pages = self._pages(state, wanted, after)
        records: list[Record] = []
        place, seen = after, 0
        for page in pages:
            for found_at, record in self._matching(state, page, wanted):
                if len(records) == limit:
                    return Found(tuple(records), place)
                records.append(record)
                place = found_at
            place, seen = page[-1][0], seen + len(page)
            show(seen)
            if len(records) == limit or stopped():
                is_left = next(pages, None) is not None
                return Found(tuple(records), place if is_left else None, len(records) == limit or not is_left)
        return Found(tuple(records), None)

    def _matching(self, state: State, page: list[Placed], wanted: Wanted) -> Iterator[tuple[str, Record]]:
        if wanted != Wanted():
            page = self._likely(page, wanted)
        found = paging.read_fields(self._scripts, (id_ for _, id_ in page))
        for (place, id_), fields in zip(page, found, strict=True):
            if fields.get("state") == state and wanted.matches(fields["reason"], fields["mobile"], fields["template"]):
                yield place, parse_record(id_, fields)

    def _likely(self, page: list[Placed], wanted: Wanted) -> list[Placed]:
        """Those that match at a glance: mostly few, and a whole record takes twice as long to read."""
        with store_errors, self._client.pipeline(transaction=False) as pipe:
            for _, id_ in page:
                pipe.hmget(self._scripts.prefix + keys.NOTIFICATION + id_, "reason", "mobile", "template")
            found = pipe.execute()
        return [placed for placed, fields in zip(page, found, strict=True) if wanted.matches(*fields)]

    def _pages(self, state: State, wanted: Wanted, after: str | None) -> Iterator[list[Placed]]:
        if state is State.CALLING:
            return self._in_set(keys.CALLING, parse_entry(after))
        if state is State.DEAD:
            return self._in_set(keys.DEAD, parse_entry(after))
        if state is State.WAITING:
            return self._waiting(wanted.mobile, after)
        return self._ended(state, after)

    def _in_set(self, name: str, after: Entry) -> Iterator[list[Placed]]:
        for page in pages_of_set(self._scripts, name, after):
            yield [(entry_text(entry), entry[1]) for entry in page]

    def _ended(self, state: State, after: str | None) -> Iterator[list[Placed]]:
        """The days backwards, as far as `retention` goes, each from the end of its list."""
        now = self._scripts.now_ms()
        days = range(china_day(now), china_day(now - self._scripts.rules.retention_ms) - 1, -1)
        index = f"{keys.ENDED}{state}:"
        with store_errors, self._client.pipeline(transaction=False) as pipe:
            for day in days:
                pipe.llen(f"{self._scripts.prefix}{index}{day}")
            ends = dict(zip(days, pipe.execute(), strict=True))
        if after is not None:
            newest, end = map(int, _parts("([0-9]{1,6}):([0-9]{1,12})", after))
            ends = {day: min(end, ends[day]) if day == newest else ends[day] for day in days if day <= newest}
        for day, end in ends.items():
            for page in pages_of_list(self._scripts, f"{index}{day}", end):
                yield [(f"{day}:{position}", id_) for position, id_ in page]

    def _waiting(self, mobile: str | None, after: str | None) -> Iterator[list[Placed]]:
        placed = self._in_lines(mobile, after)
        while page := list(islice(placed, paging.PAGE)):
            yield page

    def _in_lines(self, mobile: str | None, after: str | None) -> Iterator[Placed]:
        """Those in line with one number, or with all numbers in the order of the agenda."""
        number, begin = (0.0, mobile or ""), START
        if after is not None:
            score, place_in_line, id_ = _parts(f"{_SCORE}:{_SCORE}:{_ID}", after)
            number, begin = (float(score), self._number_of(id_)), (float(place_in_line), id_)
        if number[1]:
            yield from self._in_line(number, begin)
        if mobile is None:
            yield from self._on_agenda(START if after is None else number)

    def _on_agenda(self, after: Entry) -> Iterator[Placed]:
        """The lines of the numbers after one, whole."""
        for numbers in pages_of_set(self._scripts, keys.AGENDA, after):
            with store_errors, self._client.pipeline(transaction=False) as pipe:
                for _, mobile in numbers:
                    pipe.zrange(self._scripts.prefix + keys.LINE + mobile, 0, _FIRST_IN_LINE - 1, withscores=True)
                lines = pipe.execute()
            for number, line in zip(numbers, lines, strict=True):
                first = [(score, id_) for id_, score in line]
                yield from _placed_in_line(number, first)
                if len(first) == _FIRST_IN_LINE:
                    yield from self._in_line(number, first[-1])

    def _in_line(self, number: Entry, after: Entry) -> Iterator[Placed]:
        for page in pages_of_set(self._scripts, keys.LINE + number[1], after):
            yield from _placed_in_line(number, page)

    def _number_of(self, id_: str) -> str:
        with store_errors:
            number: str | None = self._client.hget(self._scripts.prefix + keys.NOTIFICATION + id_, "mobile")
        if number is None:
            raise UnknownPlace(id_)
        return number


def entry_text(entry: Entry) -> str:
    """The place of an entry in its index."""
    return f"{score_text(entry[0])}:{entry[1]}"


def parse_entry(place: str | None) -> Entry:
    """The entry that `entry_text` was given, `START` for None. Raises `UnknownPlace`."""
    if place is None:
        return START
    score, id_ = _parts(f"{_SCORE}:{_ID}", place)
    return float(score), id_


def _placed_in_line(number: Entry, line: Iterable[Entry]) -> Iterator[Placed]:
    at = score_text(number[0])
    return ((f"{at}:{entry_text(entry)}", entry[1]) for entry in line)


def _parts(pattern: str, place: str) -> tuple[str, ...]:
    found = re.fullmatch(pattern, place)
    if not found:
        raise UnknownPlace(place)
    return found.groups()
