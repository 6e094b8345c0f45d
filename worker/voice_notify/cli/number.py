"""`voice-notify number`: a small picture of one number's day."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from voice_notify.accounts import current_account
from voice_notify.cli.click_options import examples, json_option, mobile, reveal_option
from voice_notify.cli.rendering.output import (
    iso_time,
    print_fields,
    print_json,
    print_table,
    print_text,
    show_clock,
    show_due,
    show_mobile,
    show_span,
    show_time,
    state_text,
)
from voice_notify.cli.rendering.views import BLOCKS, pause_document, show_pause
from voice_notify.domain.reasons import Reason
from voice_notify.ledger.numbers import InLine, NumberView, read_number

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: Cells of the picture, and how many of them a label of its axis stands for.
_CELLS = 72
_LABEL = 18


@click.command(epilog=examples("voice-notify number 13800138000", "voice-notify number 13800138000 --json"))
@click.argument("number", metavar="MOBILE", type=mobile)
@click.option("--limit", type=click.IntRange(1, 1000), default=10, show_default=True, help="Show so many of its line.")
@reveal_option
@json_option
def command(number: str, *, limit: int, reveal: bool, as_json: bool) -> None:
    """Show the calls to one number within its window, how many are left, when it may be called next, and its line.

    The number is shown masked, also here: screens are shared.
    """
    view = read_number(current_account().ledger.scripts, number, most=limit)
    shown = show_mobile(number, reveal=reveal)
    if as_json:
        print_json({"mobile": shown, **_document(view)})
        return
    print_text(f"{shown}: {_next_call(view)}")
    print_fields(_fields(view))
    print_text("")
    for line in _picture(view):
        print_text(f"  {line}")
    if view.calls:
        print_text("")
        _print_calls(view)
    if view.line:
        print_text("")
        _print_line(view)


def _next_call(view: NumberView) -> str:
    if view.reason is Reason.NEW:
        return "may be called now"
    if view.reason is Reason.PAUSED:
        return "no call while the account is paused"
    return f"next call at {show_due(view.free_ms, view.now_ms)}"


def _fields(view: NumberView) -> list[tuple[str, str]]:
    limits, calls = view.limits, len(view.calls)
    return [
        ("blocked by", "" if view.reason is Reason.NEW else BLOCKS[view.reason]),
        ("calls", f"{calls} of {limits.max_calls} in {show_span(limits.window_ms)}, {view.left} left"),
        ("gap", f"at least {limits.gap_ms / 1000:g} s between two calls"),
        ("held", f"by the provider's limit (606) until {show_due(view.hold_ms, view.now_ms)}" if view.hold_ms else ""),
        ("account", show_pause(view.pause) if view.pause else ""),
        ("line", f"{view.open} open" if view.open else "empty"),
    ]


def _picture(view: NumberView) -> Iterator[str]:
    """The window as a strip, the newest moment on the right: how many calls each cell saw, and the times below."""
    begins, width = view.now_ms - view.limits.window_ms, view.limits.window_ms / _CELLS
    cells = [0] * _CELLS
    for call_time in view.calls:
        cells[min(_CELLS - 1, int((call_time - begins) / width))] += 1
    yield "|" + "".join(f"{min(n, 9)}" if n else "." for n in cells) + "|"
    moments = (begins + round(cell * width) for cell in range(0, _CELLS, _LABEL))
    axis = "".join(f"{show_clock(moment):<{_LABEL}}" for moment in moments)
    yield f" {axis[:-3]}now"


def _print_calls(view: NumberView) -> None:
    before: Sequence[int | None] = (None, *view.calls)
    print_table(
        ("call", "after", "leaves the window at"),
        (
            (
                show_time(call_time),
                show_span(call_time - last) if last else "",
                show_due(call_time + view.limits.window_ms, view.now_ms),
            )
            for last, call_time in zip(before, view.calls, strict=False)
        ),
    )


def _print_line(view: NumberView) -> None:
    print_table(
        ("id", "state", "where", "priority", "due"),
        (
            (each.record.id, state_text(each.record.state), each.place, str(each.record.priority), _due(each, view))
            for each in view.line
        ),
    )
    if view.open > len(view.line):
        print_text(f"… and {view.open - len(view.line)} more: --limit shows more")


def _due(each: InLine, view: NumberView) -> str:
    if each.due_ms is not None:
        return show_time(each.due_ms)
    if view.pause and view.pause.until_ms is None:
        return "when resumed"
    return f"expires {show_time(each.record.deadline_ms)}" if each.record.deadline_ms else ""


def _document(view: NumberView) -> dict[str, object]:
    limits = view.limits
    return {
        "at": iso_time(view.now_ms),
        "min_interval": limits.gap_ms / 1000,
        "max_calls": limits.max_calls,
        "window": limits.window_ms / 1000,
        "calls": [
            {"at": iso_time(call_time), "leaves_window_at": iso_time(call_time + limits.window_ms)}
            for call_time in view.calls
        ],
        "calls_left": view.left,
        "next_free_at": iso_time(view.free_ms),
        "blocked_by": None if view.reason is Reason.NEW else view.reason,
        "held_until": iso_time(view.hold_ms or None),
        "account_pause": pause_document(view.pause),
        "open": view.open,
        "line": [
            {
                "id": each.record.id,
                "state": each.record.state,
                "reason": each.record.reason,
                "where": each.place,
                "priority": each.record.priority,
                "due_at": iso_time(each.due_ms),
                "deadline": iso_time(each.record.deadline_ms),
            }
            for each in view.line
        ],
    }
