"""Who is told what happens to notifications."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from voice_notify.ledger.ledger import Grant, Settlement
    from voice_notify.ledger.results import SettleResult


class Monitor(Protocol):
    """Is told, and neither fails nor waits; `monitoring.task_events.TaskEvents` in a worker."""

    def begun(self, grants: Iterable[Grant]) -> None:
        """Calls begin."""

    def ended(self, settled: Sequence[tuple[Settlement, SettleResult]]) -> None:
        """Attempts were settled, each with what that came to."""

    def expired(self, ids: Iterable[str]) -> None:
        """Notifications reached their deadline uncalled."""
