"""Rates and levels of the last minutes, from one reading of the counters to the next."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from voice_notify.domain.outcome import Kind
from voice_notify.domain.states import State
from voice_notify.ledger.statistics import Counters, Snapshot

#: The span that the sparklines show.
SHOWN_MS = 240_000
#: The span over which a rate of this moment is taken.
MOMENT_MS = 5_000
MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Measure:
    """Something that is counted or measured over time."""

    name: str
    style: str  #: its colour, for rich
    value: Callable[[Snapshot], int]
    rate: bool  #: a counter, shown per second; else a level


def _attempts(*kinds: Kind) -> Callable[[Snapshot], int]:
    return lambda snapshot: snapshot.totals.attempts_of(*kinds)


MEASURES = (
    Measure("submitted", "", lambda snapshot: snapshot.totals.submitted, rate=True),
    Measure("accepted", "green", _attempts(Kind.ACCEPTED), rate=True),
    Measure("not placed", "red", _attempts(Kind.TRANSIENT, Kind.TOMORROW, Kind.REFUSED, Kind.ACCOUNT), rate=True),
    Measure("unknown", "magenta", _attempts(Kind.UNCONFIRMED, Kind.UNCLEAR), rate=True),
    Measure("deferred", "dim", lambda snapshot: sum(snapshot.totals.deferred.values()), rate=True),
    Measure("waiting", "yellow", lambda snapshot: snapshot.states[State.WAITING], rate=False),
    Measure("calling", "cyan", lambda snapshot: snapshot.in_flight, rate=False),
    Measure("due", "yellow", lambda snapshot: snapshot.due, rate=False),
    Measure("dead letters", "red", lambda snapshot: snapshot.states[State.DEAD], rate=False),
)


@dataclass
class Recent:
    """The readings of the last minutes, the oldest first."""

    readings: deque[Snapshot] = field(default_factory=deque)
    trouble: str = ""  #: why there is no newer one

    def add(self, snapshot: Snapshot) -> None:
        """Keep a reading, and drop those that are no longer shown."""
        self.readings.append(snapshot)
        self.trouble = ""
        while self.readings[0].now_ms < snapshot.now_ms - SHOWN_MS - MINUTE_MS:
            self.readings.popleft()

    @property
    def newest(self) -> Snapshot:
        """The last reading."""
        return self.readings[-1]

    def since(self, ms: int) -> Snapshot:
        """The reading of `ms` ago, or the oldest after that."""
        return next(each for each in self.readings if each.now_ms >= self.newest.now_ms - ms)

    def counted(self, ms: int) -> Counters:
        """What happened in the last `ms`."""
        return self.newest.totals - self.since(ms).totals

    def rate(self, measure: Measure, ms: int) -> float | None:
        """The rate per second in the last `ms`; None where there is only one reading."""
        earlier, newest = self.since(ms), self.newest
        if earlier is newest:
            # After a silence the last reading is the only one of the last seconds.
            earlier = self.readings[-2] if len(self.readings) > 1 else newest
        return _rate(measure, earlier, newest)

    def columns(self, measure: Measure, width: int) -> list[float | None]:
        """A value for each of `width` equal parts of the span shown, the newest last; None where nothing was read."""
        step = -(-SHOWN_MS // width)
        last = {reading.now_ms // step: reading for reading in self.readings}
        now = self.newest.now_ms // step
        values: list[float | None] = []
        for part in range(now - width + 1, now + 1):
            reading = last.get(part)
            earlier = next((last[before] for before in sorted(last, reverse=True) if before < part), None)
            if reading is None or (measure.rate and earlier is None):
                values.append(None)
            else:
                values.append(_rate(measure, earlier, reading) if measure.rate and earlier else measure.value(reading))
        return values


def _rate(measure: Measure, earlier: Snapshot, later: Snapshot) -> float | None:
    seconds = (later.now_ms - earlier.now_ms) / 1000
    # Less than before: Redis was emptied.
    return max(0, measure.value(later) - measure.value(earlier)) / seconds if seconds > 0 else None
