"""What a campaign costs and how long the windows make it take."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice_notify.domain.campaign import Campaign, Cost, Plan
from voice_notify.domain.notification import Notification
from voice_notify.domain.windows import Limits

LIMITS = Limits(gap_ms=30_000, max_calls=5, window_ms=86_400_000)
DAY = 86_400


def campaign(*notifications: Notification, expires: int = 7 * DAY) -> Campaign:
    made = Campaign({"declared"}, expires * 1000)
    for each in notifications:
        made.add(each)
    return made


def to(mobile: str, **options: float) -> Notification:
    return Notification("id", mobile, "declared", **options)  # type: ignore[arg-type]


def test_the_units_of_each_template_are_added_up() -> None:
    """A template's cost is that of all its notifications."""
    made = campaign(to("a", units=2), to("b", units=1), Notification("id", "a", "unknown", units=3))
    assert made.costs == {"declared": Cost(2, 3), "unknown": Cost(1, 3)}
    assert made.units == 6
    assert (made.is_declared("declared"), made.is_declared("unknown")) == (True, False)


@pytest.mark.parametrize(
    ("notifications", "plan"),
    [
        ([], Plan(0, 0, 0)),
        ([to("a"), to("b")], Plan(2, 0, 0)),  # numbers do not wait for each other
        ([to("a")] * 3, Plan(3, 0, 60_000)),  # the gap
        ([to("a")] * 6, Plan(6, 0, 86_400_000)),  # the day
        ([to("a"), to("b")] * 3, Plan(6, 0, 60_000)),  # the slowest number
        ([to("a", countdown=600)], Plan(1, 0, 600_000)),
        ([to("a"), to("a", expires=30)], Plan(1, 1, 0)),  # called at 30 s at the earliest, which is too late
        ([to("a"), to("a", expires=31)], Plan(2, 0, 30_000)),
        # The urgent one goes first, and the last has to wait too long.
        ([to("a", expires=60), to("a", expires=60), to("a", expires=1, priority=9)], Plan(2, 1, 30_000)),
    ],
    ids=repr,
)
def test_each_numbers_calls_keep_its_windows(notifications: list[Notification], plan: Plan) -> None:
    """What cannot be called before its deadline counts as expired."""
    assert campaign(*notifications).plan(LIMITS) == plan


def test_without_expires_the_default_deadline_counts() -> None:
    """Without a deadline of its own, a notification expires after the default time."""
    assert campaign(*[to("a")] * 6, expires=DAY).plan(LIMITS) == Plan(5, 1, 120_000)


def test_a_rate_spaces_all_calls_and_may_let_some_expire() -> None:
    """So some may expire that their own windows would allow."""
    made = campaign(*(to(f"n{number}", expires=2.1) for number in range(30)))
    assert made.plan(LIMITS, call_interval_ms=100) == Plan(21, 9, 2000)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 3), st.integers(1, 200)), max_size=12))
def test_every_notification_is_either_called_or_expires(rows: list[tuple[str, int, int]]) -> None:
    """None is missing from the plan, and none is counted twice."""
    made = campaign(*(to(mobile, priority=priority, expires=expires) for mobile, priority, expires in rows))
    plan = made.plan(LIMITS)
    assert plan.calls + plan.expired == len(rows) == made.numbers.total()
