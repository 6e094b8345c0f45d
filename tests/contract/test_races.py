"""Many processes at once, on a real Redis and its real clock: the windows hold, and nothing is called twice or lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from multiprocessing import get_context
from multiprocessing.pool import Pool

import pytest

from tests.support.account import other_number
from tests.support.hammer import LIMITS, Placed, Report, hammer, open_ledger
from tests.support.redis_server import RedisServer
from voice_notify.domain.states import State

PROCESSES = 8
OPERATIONS = 400  #: of each process


@pytest.fixture(scope="module")
def processes() -> Iterator[Pool]:
    """Processes that share nothing but Redis."""
    with get_context("spawn").Pool(PROCESSES) as pool:
        yield pool


@pytest.mark.parametrize("numbers", [1, 50])
def test_many_processes_at_once_break_no_window_and_lose_nothing(
    redis_server: RedisServer, processes: Pool, numbers: int
) -> None:
    """Whatever 8 processes do at once to one number, or to fifty: one call at a time, within the windows, none lost."""
    mobiles = [other_number(number) for number in range(numbers)]
    with redis_server.client() as client:
        client.flushdb()
        tasks = [(redis_server.url, name, PROCESSES, mobiles, OPERATIONS) for name in range(PROCESSES)]
        reports = processes.starmap(hammer, tasks, chunksize=1)
        calls = [call for report in reports for call in report.placed]
        for mobile in mobiles:
            # Two may begin in one millisecond, if the first was refused in it.
            in_order = sorted(calls, key=lambda call: (call.begun, call.replied))
            judge_number([call for call in in_order if call.mobile == mobile])
        ledger = open_ledger(client)
        submitted = {id_ for report in reports for id_ in report.submitted}
        for id_ in submitted:
            ledger.cancel(id_)
        reconcile(submitted, reports, {id_: ledger.explain(id_).record.state for id_ in submitted})
        assert sum(ledger.counts().values()) == len(submitted)
        for left in "agenda", "promotions", "calling", "deadlines":
            assert not client.exists(ledger.scripts.prefix + left)


def judge_number(calls: list[Placed]) -> None:
    """Judge the calls of one number, in their order; each may have arrived at any moment from beginning to reply."""
    assert len(calls) > 1
    for earlier, later in pairwise(calls):
        assert later.begun >= earlier.replied, "two calls in flight"
    placed = [call for call in calls if call.was_placed]
    for earlier, later in pairwise(placed):
        assert later.begun - earlier.replied >= LIMITS.gap_ms
    for first, one_too_many in zip(placed, placed[LIMITS.max_calls :], strict=False):
        assert one_too_many.begun - first.replied >= LIMITS.window_ms


def reconcile(submitted: set[str], reports: list[Report], states: dict[str, State]) -> None:
    """Compare what the processes saw with what the ledger says."""
    assert {call.state for report in reports for call in report.placed} <= set(State), "ended by another"
    ended = Counter(call.id for report in reports for call in report.placed if call.state == State.ACCEPTED)
    assert set(ended.values()) == {1}, "accepted twice"
    assert set(ended) <= submitted
    assert {id_ for id_, state in states.items() if state is State.ACCEPTED} == set(ended)
    assert set(states.values()) <= {State.ACCEPTED, State.CANCELLED, State.DEAD}
