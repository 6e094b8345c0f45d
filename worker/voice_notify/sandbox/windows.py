"""The gap and the daily limit of each number (PROVIDER.md, Rules of use), judged by the time of arrival."""

from __future__ import annotations

from collections import defaultdict, deque
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from voice_notify.sandbox.codes import OVER_DAILY_LIMIT, TOO_FREQUENT

if TYPE_CHECKING:
    from voice_notify.sandbox.attempt import Attempt
    from voice_notify.sandbox.config import SandboxConfig


class Window(StrEnum):
    """One of the two rules that limit how often a number may be called."""

    GAP = "gap"
    DAILY = "daily"

    @property
    def code(self) -> int:
        """The code with which the provider answers a request that breaks it."""
        return TOO_FREQUENT if self is Window.GAP else OVER_DAILY_LIMIT


class Collision(NamedTuple):
    """A window that a new call would break: it comes less than `limit` seconds after the first of `calls`."""

    window: Window
    calls: tuple[Attempt, ...]
    limit: float


class Windows:
    """A rolling log of each number's last calls; times are in monotonic seconds."""

    def __init__(self, config: SandboxConfig) -> None:
        self._gap = config.gap
        self._max_calls = config.max_calls
        self._window = config.window
        self._log: defaultdict[str, deque[Attempt]] = defaultdict(lambda: deque(maxlen=config.max_calls))

    def collisions(self, mobile: str, at: float) -> list[Collision]:
        """Return the windows that a call to `mobile` at `at` would break; exactly at a window's end, it breaks none."""
        log = self._log.get(mobile)
        if not log:
            return []
        found = []
        if at - log[-1].at < self._gap:
            found.append(Collision(Window.GAP, (log[-1],), self._gap))
        if len(log) == self._max_calls and at - log[0].at < self._window:
            found.append(Collision(Window.DAILY, tuple(log), self._window))
        return found

    def count(self, attempt: Attempt) -> None:
        """Count a call that was placed."""
        self._log[attempt.mobile].append(attempt)
