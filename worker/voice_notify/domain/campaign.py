"""What many notifications will cost, and how long they will take, before any of them is submitted."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from voice_notify.domain.forecast import Turn, timetable
from voice_notify.domain.windows import Limits

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from voice_notify.domain.notification import Notification


@dataclass(slots=True)
class Cost:
    """What the notifications of one template cost."""

    notifications: int = 0
    units: int = 0  #: billing units; of an undeclared template, the least that it can cost


@dataclass(frozen=True, slots=True)
class Plan:
    """The forecast if all are submitted now, nobody else calls their numbers, and every call is accepted at once."""

    calls: int  #: the number of calls that are placed in time
    expired: int  #: the number of those whose deadline comes before the windows allow the call
    takes_ms: int  #: milliseconds from now to the last call


class Campaign:
    """The notifications to come. `add` them one by one; the texts of the `declared` templates are known."""

    def __init__(self, declared: Collection[str], default_expires_ms: int) -> None:
        self.costs: dict[str, Cost] = {}  #: by template
        self.numbers: Counter[str] = Counter()  #: how many notifications each is to get
        self._declared = declared
        self._default_expires_ms = default_expires_ms
        self._lines: dict[str, list[Turn]] = defaultdict(list)

    @property
    def units(self) -> int:
        """The least that they cost together."""
        return sum(cost.units for cost in self.costs.values())

    def is_declared(self, template_id: str) -> bool:
        """Return whether the text, and so the cost, of a template is known."""
        return template_id in self._declared

    def add(self, each: Notification) -> None:
        """Add one more."""
        cost = self.costs.setdefault(each.template_id, Cost())
        cost.notifications += 1
        cost.units += each.units
        expires = self._default_expires_ms if each.expires is None else round(each.expires * 1000)
        place = -each.priority, self.numbers[each.mobile]
        self._lines[each.mobile].append(Turn(round(each.countdown * 1000), place, expires))
        self.numbers[each.mobile] += 1

    def plan(self, limits: Limits, call_interval_ms: float = 0) -> Plan:
        """Return the forecast, by each number's windows and by the least time between two calls of the account."""
        calls: list[tuple[int, int]] = []
        for line in self._lines.values():
            times = timetable((), line, 0, limits)
            calls += [(at, turn.deadline_ms or 0) for at, turn in zip(times, line, strict=True) if at is not None]
        placed = list(_place(sorted(calls), call_interval_ms))
        return Plan(len(placed), self.numbers.total() - len(placed), round(max(placed, default=0)))


def _place(calls: Iterable[tuple[int, int]], interval_ms: float) -> Iterator[float]:
    """Yield when each call (its earliest time, its deadline) is placed, at most one per `interval_ms`, if in time."""
    free = 0.0
    for earliest, deadline in calls:
        at = max(earliest, free)
        if at < deadline:
            free = at + interval_ms
            yield at
