"""A number: a small picture of its day, its calls, and its line."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from voice_notify.cli.rendering.explanation import BLOCKS
from voice_notify.cli.rendering.notification import state_text
from voice_notify.cli.rendering.output import print_fields, print_table, print_text
from voice_notify.cli.rendering.pause import show_pause
from voice_notify.cli.rendering.times import show_clock, show_due, show_span, show_time
from voice_notify.documents.number import InLineDocument, NumberDocument
from voice_notify.domain.reasons import Reason

#: Cells of the picture.
_CELLS = 72
#: Cells from one label of its axis to the next.
_LABEL_CELLS = 18


def print_number(number: NumberDocument) -> None:
    """All of it."""
    print_text(f"{number.mobile}: {_next_call(number)}")
    print_fields(_fields(number))
    print_text("")
    for line in _picture(number):
        print_text(f"  {line}")
    if number.calls:
        print_text("")
        _print_calls(number)
    if number.line:
        print_text("")
        _print_line(number)


def _next_call(number: NumberDocument) -> str:
    if number.blocked_by is None:
        return "may be called now"
    if number.blocked_by is Reason.PAUSED:
        return "no call while the account is paused"
    if number.blocked_by in {Reason.RATE, Reason.BACKLOG}:
        return "may be called now, and waits for its turn"
    return f"next call at {show_due(number.next_free_at, number.at)}"


def _fields(number: NumberDocument) -> list[tuple[str, str]]:
    window, held, pause = show_span(timedelta(seconds=number.window)), number.held_until, number.account_pause
    return [
        ("blocked by", BLOCKS[number.blocked_by] if number.blocked_by else ""),
        ("ahead", f"{number.due_before:,} other numbers that are due" if number.due_before else ""),
        ("calls", f"{len(number.calls)} of {number.max_calls} in {window}, {number.calls_left} left"),
        ("gap", f"at least {number.min_interval:g} s between two calls"),
        ("held", f"by the provider's limit (606) until {show_due(held, number.at)}" if held else ""),
        ("account", show_pause(pause) if pause else ""),
        ("line", f"{number.open} open" if number.open else "empty"),
    ]


def _picture(number: NumberDocument) -> Iterator[str]:
    """The window as a strip, the newest moment on the right: how many calls fell into each cell, and times below."""
    window = timedelta(seconds=number.window)
    begins, width = number.at - window, window / _CELLS
    cells = [0] * _CELLS
    for call in number.calls:
        cells[min(_CELLS - 1, (call.at - begins) // width)] += 1
    yield "|" + "".join(f"{min(n, 9)}" if n else "." for n in cells) + "|"
    moments = (begins + cell * width for cell in range(0, _CELLS, _LABEL_CELLS))
    axis = "".join(f"{show_clock(moment):<{_LABEL_CELLS}}" for moment in moments)
    yield f" {axis[:-3]}now"


def _print_calls(number: NumberDocument) -> None:
    earlier: list[datetime | None] = [None, *(call.at for call in number.calls)]
    print_table(
        ("call", "after", "leaves the window at"),
        (
            (
                show_time(call.at),
                show_span(call.at - last) if last else "",
                show_due(call.leaves_window_at, number.at),
            )
            for last, call in zip(earlier, number.calls, strict=False)
        ),
    )


def _print_line(number: NumberDocument) -> None:
    print_table(
        ("id", "state", "where", "priority", "due"),
        ((each.id, state_text(each.state), each.where, str(each.priority), _due(each, number)) for each in number.line),
    )
    if number.open > len(number.line):
        print_text(f"… and {number.open - len(number.line)} more: --limit shows more")


def _due(each: InLineDocument, number: NumberDocument) -> str:
    if each.due_at is not None:
        return show_time(each.due_at)
    if number.account_pause and number.account_pause.until is None:
        return "when resumed"
    return f"expires {show_time(each.deadline)}" if each.deadline else ""
