"""One check of the demo: what is expected, and what was seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from voice_notify.demo.evidence import Evidence


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen, and whether it is what was expected."""

    text: str
    ok: bool


@dataclass(frozen=True, slots=True)
class Check:
    """A row of the table of outcomes."""

    case: str
    expected: str
    see: Callable[[Evidence], Seen]
    ids: tuple[str, ...] = ()  #: the notifications that were submitted for it
