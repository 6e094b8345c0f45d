"""Indexes and records, read in pages: no reply of Redis is longer than a page, however much there is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from voice_notify.ledger import keys
from voice_notify.ledger.notifications import Record, parse_record
from voice_notify.ledger.redis_errors import store_errors
from voice_notify.ledger.scripts import Scripts

#: The most entries of an index that one command returns, and the most records that one round trip reads.
PAGE = 500

#: A member of a sorted set behind its score: entries compare as Redis orders them.
Entry = tuple[float, str]
#: Before all entries.
START: Entry = (float("-inf"), "")


def pages_of_set(scripts: Scripts, name: str, after: Entry = START) -> Iterator[list[Entry]]:
    """The entries of the sorted set `name` that come after `after`, in its order; no page is empty.

    It goes by entries, not by ranks: what is added or taken out meanwhile hides none of the others. One whose score
    grows meanwhile may come twice.
    """
    client: Any = scripts.client
    key, last = scripts.prefix + name, after
    with store_errors:
        rank = client.zcount(key, "-inf", f"({score_text(last[0])}") if last > START else 0
    while True:
        # With the one before, which shows whether earlier ones have left, and others have moved up.
        first = max(0, rank - 1)
        with store_errors:
            found = [(score, id_) for id_, score in client.zrange(key, first, first + PAGE - 1, withscores=True)]
        if first > 0 and not (found and found[0] <= last):
            rank = max(0, first - PAGE + 1)
            continue
        rank = first + len(found)
        if fresh := [entry for entry in found if entry > last]:
            last = fresh[-1]
            yield fresh
        if len(found) < PAGE:
            return


def pages_of_list(scripts: Scripts, name: str, end: int) -> Iterator[list[tuple[int, str]]]:
    """The first `end` elements of the list `name`, the last of them first, each behind its position."""
    client: Any = scripts.client
    while end > 0:
        begin = max(0, end - PAGE)
        with store_errors:
            found = client.lrange(scripts.prefix + name, begin, end - 1)
        if not found:  # it has expired
            return
        yield list(enumerate(found, begin))[::-1]
        end = begin


def score_text(score: float) -> str:
    """A score as Redis reads it, to the last bit."""
    return f"{score:.17g}"


def read_fields(scripts: Scripts, ids: Iterable[str]) -> list[dict[str, str]]:
    """What the records of a page of `ids` hold, in that order; empty where one is gone."""
    with store_errors, scripts.client.pipeline(transaction=False) as pipe:
        for id_ in ids:
            pipe.hgetall(scripts.prefix + keys.NOTIFICATION + id_)
        found: list[dict[str, str]] = pipe.execute()
        return found


def read_records(scripts: Scripts, ids: Iterable[str]) -> Iterator[Record]:
    """The notifications with these ids, in that order, a page at a time; one that is gone is left out."""
    ids = iter(ids)
    while page := list(islice(ids, PAGE)):
        found = read_fields(scripts, page)
        yield from (parse_record(id_, fields) for id_, fields in zip(page, found, strict=True) if fields)
