"""The counters that the scripts keep, read as one snapshot: for `voice-notify stats` and `voice-notify metrics`.

`totals` only grow. What happened between two readings, or on one day, is the difference of two `Counters`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import inf
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from voice_notify.domain.calendar import china_day
from voice_notify.domain.reasons import Reason
from voice_notify.domain.states import State
from voice_notify.ledger import keys
from voice_notify.ledger.bands import PRIORITIES, banded, time_of
from voice_notify.ledger.breaker import Pause, parse_pause
from voice_notify.ledger.ledger import Ledger
from voice_notify.ledger.notifications import count_by_state, count_waiting_by_reason
from voice_notify.ledger.redis_errors import store_errors

#: Upper bounds of the histograms' buckets, in milliseconds; above the last is one more bucket.
LATENESS_MS = (50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 300_000)
LATENCY_MS = (50, 100, 250, 500, 1000, 2500, 5000, 10_000)

#: The number of days, today included, of which the counters are kept.
MOST_DAYS = 35

#: The scripts count days from here.
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many lengths of time fell into each bucket; `counts` has one more than `bounds_ms`, for all that is above."""

    bounds_ms: tuple[int, ...]
    counts: tuple[int, ...]
    sum_ms: int

    @property
    def total(self) -> int:
        """How many there are."""
        return sum(self.counts)

    def share_within(self, bound_ms: int) -> float | None:
        """The share (0-1) that took at most one of `bounds_ms`; None if there are none."""
        within = sum(self.counts[: self.bounds_ms.index(bound_ms) + 1])
        return within / self.total if self.total else None

    def quantile_ms(self, share: float) -> float | None:
        """The time within which `share` (0-1) fell, estimated inside its bucket as Prometheus does.

        `inf` if that is beyond the last bound; None if there are none.
        """
        if not self.total:
            return None
        wanted, below = share * self.total, 0
        for lower, bound, count in zip((0, *self.bounds_ms), self.bounds_ms, self.counts, strict=False):
            if count and below + count >= wanted:
                return lower + (bound - lower) * (wanted - below) / count
            below += count
        return inf

    @property
    def worst_ms(self) -> float | None:
        """The bound of the slowest bucket that has any, `inf` beyond the last; None if there are none."""
        filled = [bound for bound, n in zip((*self.bounds_ms, inf), self.counts, strict=True) if n]
        return filled[-1] if filled else None


@dataclass(frozen=True, slots=True)
class Counters:
    """Counts of what happened; `fields` are those of `totals` (`ledger/keys.py`)."""

    fields: Mapping[str, int]

    def __sub__(self, earlier: Counters) -> Counters:
        """What happened since `earlier`; never less than nothing, also when Redis was emptied in between."""
        return Counters({name: max(0, n - earlier.fields.get(name, 0)) for name, n in self.fields.items()})

    @property
    def submitted(self) -> int:
        """Notifications that were stored."""
        return self.fields.get("submitted", 0)

    @property
    def replayed(self) -> int:
        """Dead letters that were replayed."""
        return self.fields.get("replayed", 0)

    @property
    def dropped(self) -> int:
        """Dead letters that were deleted because `dead_retention` was over."""
        return self.fields.get("dropped", 0)

    @property
    def attempts(self) -> dict[tuple[str, str], int]:
        """Attempts that ended, by kind of outcome (`domain.outcome.Kind`) and code."""
        return self._pairs("call:")

    @property
    def finals(self) -> dict[tuple[str, str], int]:
        """Final states reached, by state and reason; a replayed dead letter counts again."""
        return self._pairs("final:")

    @property
    def units(self) -> dict[str, int]:
        """Billing units of calls that the provider took, by template."""
        return self._singles("units:")

    @property
    def unsure_units(self) -> dict[str, int]:
        """Billing units of calls of unknown outcome, by template: perhaps billed."""
        return self._singles("unsure:")

    @property
    def deferred(self) -> dict[str, int]:
        """Calls that a limit did not allow yet, by `domain.reasons.Reason`."""
        return self._singles("deferred:")

    @property
    def lateness(self) -> Histogram:
        """Of each call, from the moment that its own time and its number's limits allowed, to its grant."""
        return self._histogram("late", LATENESS_MS)

    @property
    def latency(self) -> Histogram:
        """Of each attempt, from the request to the provider's reply, or to its timeout."""
        return self._histogram("took", LATENCY_MS)

    def attempts_of(self, *kinds: str) -> int:
        """Attempts with an outcome of one of these kinds."""
        return sum(n for (kind, _), n in self.attempts.items() if kind in kinds)

    def _singles(self, prefix: str) -> dict[str, int]:
        found = {name.removeprefix(prefix): n for name, n in self.fields.items() if n and name.startswith(prefix)}
        return dict(sorted(found.items()))

    def _pairs(self, prefix: str) -> dict[tuple[str, str], int]:
        return {(first, rest): n for key, n in self._singles(prefix).items() for first, _, rest in [key.partition(":")]}

    def _histogram(self, name: str, bounds: tuple[int, ...]) -> Histogram:
        counts = tuple(self.fields.get(f"{name}:{bound}", 0) for bound in (*bounds, "inf"))
        return Histogram(bounds, counts, self.fields.get(f"{name}_ms", 0))


@dataclass(frozen=True, slots=True)
class Day:
    """What happened on one of the provider's days (China time)."""

    day: date
    counters: Counters


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The account at one moment of Redis's clock."""

    now_ms: int
    totals: Counters  #: all-time
    states: Mapping[State, int]  #: `accepted`, `expired` and `cancelled` are totals all-time
    waiting: Mapping[str, int]  #: the waiting ones: `paused`, or by the reason of their newest transition
    in_flight: int  #: calls leased to a worker
    due: int  #: numbers that could be called now and are not yet
    oldest_due_ms: int  #: for how long the first of them has been due; 0: there are none
    workers: int  #: heard of lately
    pauses: tuple[Pause, ...]  #: all that hold the account; none: calls go out
    spent: int  #: billing units of this day of the provider, those of calls in flight included
    days: tuple[Day, ...] = ()  #: the newest first, today included

    @property
    def pause(self) -> Pause | None:
        """The one that rules: the breaker's, or a person's, before that of a spent budget. None: calls go out."""
        return self.pauses[0] if self.pauses else None


class Statistics:
    """The counters of one account."""

    def __init__(self, ledger: Ledger, *, patient: bool = True) -> None:
        """Those of the account whose ledger this is; one that is not patient asks Redis but once for each reading."""
        self._ledger = ledger
        self._client = ledger.scripts.client
        if not patient:
            self._client.set_retry(Retry(NoBackoff(), 0))

    def read(self, days: int = 0) -> Snapshot:
        """Read all there is, as of one moment, and what happened on the last `days` days (at most `MOST_DAYS`).

        Raises `StoreUnavailable`.
        """
        now = self._ledger.scripts.now_ms()
        numbers = [china_day(now) - ago for ago in range(days)]
        with store_errors, self._client.pipeline() as pipe:
            self._ask(pipe, now)
            for number in numbers:
                pipe.hgetall(self._key(f"{keys.DAY}{number}"))
            replies: list[Any] = pipe.execute()
        return _snapshot(now, [_EPOCH + timedelta(days=number) for number in numbers], replies)

    def _ask(self, pipe: redis.client.Pipeline, now: int) -> None:
        pipe.hgetall(self._key(keys.TOTALS))
        pipe.hgetall(self._key(keys.COUNTS))
        pipe.zcard(self._key(keys.CALLING))
        pipe.zcount(self._key(keys.HEARTBEATS), now, "+inf")
        pipe.hgetall(self._key(keys.ACCOUNT))
        pipe.hgetall(self._key(keys.BUDGET_PAUSE))
        pipe.get(self._key(f"{keys.SPENT}{china_day(now)}"))
        for priority in PRIORITIES:
            due = self._key(keys.AGENDA), banded(priority, 0), banded(priority, now)
            pipe.zcount(*due)
            pipe.zrangebyscore(*due, start=0, num=1, withscores=True)

    def _key(self, name: str) -> str:
        return self._ledger.scripts.prefix + name


def _snapshot(now: int, dates: Sequence[date], replies: Sequence[Any]) -> Snapshot:
    totals, counts, in_flight, workers, of_breaker, of_budget, spent, *others = replies
    of_agenda, copies = others[: 2 * len(PRIORITIES)], others[2 * len(PRIORITIES) :]
    since = [time_of(first[0][1]) for first in of_agenda[1::2] if first]
    all_time, states = _counters(totals), count_by_state(counts)
    pauses = tuple(pause for fields in (of_breaker, of_budget) if (pause := parse_pause(fields)))
    waiting = {Reason.PAUSED: states[State.WAITING]} if pauses else count_waiting_by_reason(counts)
    return Snapshot(
        now_ms=now,
        totals=all_time,
        states=states,
        waiting={reason: n for reason, n in sorted(waiting.items()) if n},
        in_flight=in_flight,
        due=sum(of_agenda[::2]),
        oldest_due_ms=now - min(since) if since else 0,
        workers=workers,
        pauses=pauses,
        spent=int(spent or 0),
        days=tuple(_days(all_time, dates, copies)),
    )


def _days(totals: Counters, dates: Sequence[date], copies: Sequence[Mapping[str, str]]) -> list[Day]:
    """Each day as the difference of what stood at its beginning and at the beginning of the next; newest first."""
    days, end = [], totals
    for day, copy in zip(dates, copies, strict=True):
        begin = _counters(copy) if copy else end  # a day without a copy saw nothing
        days.append(Day(day, end - begin))
        end = begin
    return days


def _counters(fields: Mapping[str, str]) -> Counters:
    return Counters({name: int(n) for name, n in fields.items()})
