"""Indexes in pages: all of them, once and in order, whatever comes and goes meanwhile."""

from __future__ import annotations

import random

import pytest

from tests.support.account import Account
from voice_notify.ledger import paging
from voice_notify.ledger.paging import START, Entry, pages_of_list, pages_of_set

INDEX = "an_index"


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "PAGE", 3)


def fill(account: Account, entries: list[Entry]) -> None:
    """Add entries to the index."""
    account.client.zadd(account.prefix + INDEX, {member: score for score, member in entries})


def read(account: Account, after: Entry = START) -> list[Entry]:
    """All that comes after an entry."""
    return [entry for page in pages_of_set(account.ledger.scripts, INDEX, after) for entry in page]


#: As the indexes have them: one in flight, ready ones, times; several alike.
ENTRIES: list[Entry] = [
    (float("-inf"), "n0"),
    *((-(2.0**48) + 1, f"n{number}") for number in (1, 2)),
    *((1_748_750_400_000.0, f"n{number:02}") for number in range(3, 13)),
    (1_748_750_400_000.5, "n1:a"),
    (float("inf"), "n99"),
]


def test_every_entry_comes_once_and_in_order(account: Account) -> None:
    """Scores of any kind, and more alike than a page takes."""
    assert read(account) == []
    fill(account, ENTRIES)
    assert read(account) == ENTRIES


@pytest.mark.parametrize("position", range(len(ENTRIES)))
@pytest.mark.parametrize("is_there", [True, False])
def test_it_goes_on_after_an_entry(account: Account, position: int, *, is_there: bool) -> None:
    """Also after one that has left the index."""
    fill(account, [entry for entry in ENTRIES if is_there or entry != ENTRIES[position]])
    assert read(account, ENTRIES[position]) == ENTRIES[position + 1 :]


@pytest.mark.parametrize("seed", range(30))
def test_what_comes_and_goes_hides_none_of_the_others(account: Account, seed: int) -> None:
    """Between two pages any may leave and others come, before and behind: those that stay all come, in order."""
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    entries = sorted((float(chance.randrange(4)), f"n{number:02}") for number in range(40))
    stay = set(chance.sample(entries, 20))
    fill(account, entries)
    found: list[Entry] = []
    for page in pages_of_set(account.ledger.scripts, INDEX):
        assert 0 < len(page) <= paging.PAGE
        found += page
        for score, member in chance.sample(entries, 8):
            if (score, member) not in stay:
                account.client.zrem(account.prefix + INDEX, member)
        fill(account, [(float(chance.randrange(4)), f"new{chance.randrange(100):02}") for _ in range(2)])
    assert [entry for entry in found if entry in stay] == sorted(stay)
    assert found == sorted(found)


def test_an_index_that_empties_ends(account: Account) -> None:
    """All that is left is taken out between two pages."""
    fill(account, ENTRIES)
    pages = pages_of_set(account.ledger.scripts, INDEX)
    assert next(pages) == ENTRIES[:3]
    account.client.delete(account.prefix + INDEX)
    assert list(pages) == []


@pytest.mark.parametrize("end", [0, 1, 3, 7, 10])
def test_a_list_comes_from_its_end(account: Account, end: int) -> None:
    """Each element behind its position; what is added meanwhile moves none."""
    account.client.rpush(account.prefix + INDEX, *(f"n{number}" for number in range(10)))
    found: list[tuple[int, str]] = []
    for page in pages_of_list(account.ledger.scripts, INDEX, end):
        assert len(page) <= paging.PAGE
        found += page
        account.client.rpush(account.prefix + INDEX, "new")
    assert found == [(position, f"n{position}") for position in range(end)][::-1]


def test_a_list_that_expires_ends(account: Account) -> None:
    """What it held is not kept any more either."""
    account.client.rpush(account.prefix + INDEX, *(f"n{number}" for number in range(10)))
    pages = pages_of_list(account.ledger.scripts, INDEX, 10)
    assert len(next(pages)) == 3
    account.client.delete(account.prefix + INDEX)
    assert list(pages) == []
