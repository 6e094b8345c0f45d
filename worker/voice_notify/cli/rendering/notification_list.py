"""Notifications by state, as tables."""

from __future__ import annotations

from collections.abc import Mapping

from voice_notify.cli.rendering.notification import state_text
from voice_notify.cli.rendering.output import print_table, print_text
from voice_notify.cli.rendering.times import show_time
from voice_notify.documents.notification_list import StateListDocument
from voice_notify.domain.states import State


def print_counts(counts: Mapping[State, int]) -> None:
    """How many notifications are in each state: now, and in all for the states that only fill up."""
    now = _count(counts, State.CALLING, State.WAITING, State.DEAD)
    print_text(f"{now}; all-time {_count(counts, State.ACCEPTED, State.EXPIRED, State.CANCELLED)}")


def _count(counts: Mapping[State, int], *states: State) -> str:
    return ", ".join(f"{counts[state]:,} {state}" for state in states)


def print_state_list(listed: StateListDocument) -> None:
    """The notifications in one state, and how to go on where they may not be all."""
    if not listed.complete:
        print_text("stopped before all notifications were looked at")
    if listed.notifications:
        _print_table(listed)
    else:
        print_text(f"none {listed.state}")
    if listed.next is not None:
        print_text(f"… there may be more: --state {listed.state} --after {listed.next} goes on")


def _print_table(listed: StateListDocument) -> None:
    state = listed.state
    print_text(f"{state}, {listed.order}:")
    print_table(
        ("id", "state", "reason", "mobile", "template", "ended" if state.final else "submitted"),
        (
            (
                each.id,
                state_text(each.state),
                each.reason,
                each.mobile,
                each.template_id,
                show_time(each.ended_at if state.final and each.ended_at else each.created_at),
            )
            for each in listed.notifications
        ),
    )
