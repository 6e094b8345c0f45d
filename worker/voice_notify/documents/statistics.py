"""The counters: the current situation, what happened on each day, and all-time totals."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, tzinfo
from math import isfinite
from typing import Any, Self

from pydantic import Field

from voice_notify.documents.document import Document, Moment, moment
from voice_notify.documents.pause import PauseDocument
from voice_notify.domain.states import State
from voice_notify.ledger.statistics import Counters, Day, Histogram, Snapshot


class AttemptsDocument(Document):
    """How many attempts had one outcome."""

    kind: str = Field(description="The kind of outcome, such as `accepted` or `unconfirmed`.")
    code: str = Field(description="The provider's code, or what happened in its place, such as `read-timeout`.")
    count: int = Field(description="How many there were.")


class EndedDocument(Document):
    """How many notifications reached a final state for one reason; a replayed dead letter counts again."""

    state: State = Field(description="The state.")
    reason: str = Field(description="The reason.")
    count: int = Field(description="How many there were.")


class HistogramDocument(Document):
    """How long something took."""

    count: int = Field(description="How many times were measured.")
    sum_ms: int = Field(description="Their sum, in milliseconds.")
    buckets: Mapping[str, int] = Field(
        description="How many fell into each bucket, by its upper bound in milliseconds; `inf` is above the last bound."
    )
    p50_ms: int | None = Field(
        description="50 % took at most so many milliseconds, estimated inside a bucket; null beyond the last bound."
    )
    p95_ms: int | None = Field(description="Likewise for 95 %.")
    p99_ms: int | None = Field(description="Likewise for 99 %.")

    @classmethod
    def of(cls, histogram: Histogram) -> Self:
        """The document of a histogram."""
        bounds = (*map(str, histogram.bounds_ms), "inf")
        return cls(
            count=histogram.total,
            sum_ms=histogram.sum_ms,
            buckets=dict(zip(bounds, histogram.counts, strict=True)),
            p50_ms=_quantile(histogram, 0.5),
            p95_ms=_quantile(histogram, 0.95),
            p99_ms=_quantile(histogram, 0.99),
        )


def _quantile(histogram: Histogram, share: float) -> int | None:
    ms = histogram.quantile_ms(share)
    return round(ms) if ms is not None and isfinite(ms) else None


class CountersDocument(Document):
    """What happened in some time."""

    submitted: int = Field(description="Notifications that were stored.")
    replayed: int = Field(description="Dead letters that were put back in line.")
    dropped: int = Field(description="Dead letters that were deleted because the setting `dead_retention` was over.")
    attempts: tuple[AttemptsDocument, ...] = Field(description="Attempts that ended, by outcome.")
    ended: tuple[EndedDocument, ...] = Field(description="Final states that were reached, by reason.")
    units: Mapping[str, int] = Field(description="Billing units of calls that the provider took, by template.")
    unsure_units: Mapping[str, int] = Field(
        description="Billing units of calls with an unknown outcome, by template: perhaps billed."
    )
    deferred: Mapping[str, int] = Field(description="Calls that a limit did not allow yet, by the limit.")
    lateness: HistogramDocument = Field(
        description="How late each call began, counted from when its own time and its number's limits allowed it."
    )
    latency: HistogramDocument = Field(
        description="How long the provider took to reply to each attempt, timeouts included."
    )

    @classmethod
    def of(cls, counters: Counters) -> Self:
        """The document of what was counted."""
        return cls(**_counted(counters))


class _DatedDocument(Document):
    """What belongs to one of the provider's days."""

    day: date = Field(description="The day, which begins at midnight in China.")


# Fields come in the order of the bases, last to first: the day goes before what happened on it.
class DayDocument(CountersDocument, _DatedDocument):
    """What happened on one of the provider's days."""

    @classmethod
    def of_day(cls, day: Day) -> Self:
        """The document of a day."""
        return cls(day=day.day, **_counted(day.counters))


def _counted(counters: Counters) -> dict[str, Any]:
    return {
        "submitted": counters.submitted,
        "replayed": counters.replayed,
        "dropped": counters.dropped,
        "attempts": tuple(
            AttemptsDocument(kind=kind, code=code, count=n) for (kind, code), n in counters.attempts.items()
        ),
        "ended": tuple(
            EndedDocument(state=State(state), reason=reason, count=n) for (state, reason), n in counters.finals.items()
        ),
        "units": counters.units,
        "unsure_units": counters.unsure_units,
        "deferred": counters.deferred,
        "lateness": HistogramDocument.of(counters.lateness),
        "latency": HistogramDocument.of(counters.latency),
    }


class NowDocument(Document):
    """The current situation."""

    paused: PauseDocument | None = Field(description="The account's pause; null while calls go out.")
    workers: int = Field(description="How many workers are alive.")
    waiting: int = Field(description="How many notifications wait.")
    waiting_by_reason: Mapping[str, int] = Field(description="How many of these wait for which reason.")
    calling: int = Field(description="How many calls are in flight.")
    due: int = Field(description="How many numbers have a call that is due and has not begun.")
    oldest_due_ms: int = Field(
        description="For how long the first of them has been due, in milliseconds; 0 where there are none."
    )
    dead: int = Field(description="How many dead letters there are.")
    spent_today: int = Field(description="Billing units of today's calls, those in flight included.")
    daily_budget: int | None = Field(
        description="The most that may be spent in a day; null where the setting `daily_budget` is not set."
    )

    @classmethod
    def of(cls, snapshot: Snapshot, daily_budget: int | None, zone: tzinfo) -> Self:
        """The document of the current situation, with its times in `zone`."""
        return cls(
            paused=PauseDocument.of(snapshot.pause, zone) if snapshot.pause else None,
            workers=snapshot.workers,
            waiting=snapshot.states[State.WAITING],
            waiting_by_reason=snapshot.waiting,
            calling=snapshot.in_flight,
            due=snapshot.due,
            oldest_due_ms=snapshot.oldest_due_ms,
            dead=snapshot.states[State.DEAD],
            spent_today=snapshot.spent,
            daily_budget=daily_budget,
        )


class StatisticsDocument(Document):
    """The counters at one moment."""

    time: Moment = Field(description="The moment, by the clock of Redis.")
    now: NowDocument = Field(description="What is open, in flight and dead now, and whether calls go out.")
    days: tuple[DayDocument, ...] = Field(description="What happened on each day, today first.")
    since_ever: CountersDocument = Field(description="What happened since the account's first notification.")

    @classmethod
    def of(cls, snapshot: Snapshot, daily_budget: int | None, zone: tzinfo) -> Self:
        """The document of a snapshot, with its times in `zone`."""
        return cls(
            time=moment(snapshot.now_ms, zone),
            now=NowDocument.of(snapshot, daily_budget, zone),
            days=tuple(DayDocument.of_day(day) for day in snapshot.days),
            since_ever=CountersDocument.of(snapshot.totals),
        )
