"""The account at one moment: its pause, what is open and what ended, which workers are alive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from voice_notify.domain.states import State
from voice_notify.ledger.breaker import Pause, parse_pause
from voice_notify.ledger.contracts import ACCOUNT_STATUS
from voice_notify.ledger.declaration import Nothing
from voice_notify.ledger.notifications import count_by_state

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voice_notify.ledger.scripts import Scripts


@dataclass(frozen=True, slots=True)
class AccountStatus:
    """The account at one moment."""

    now_ms: int
    pause: Pause | None  #: the breaker's, or a person's; None where it lets calls out
    budget_pause: Pause | None  #: that of a spent `daily_budget`
    counts: Mapping[State, int]  #: `accepted`, `expired` and `cancelled` are all-time totals
    due: int  #: numbers with work that is due and not yet begun
    run: int  #: numbers in a row that met the same failure, no success between
    run_code: str  #: its code, or `unreachable` or `maintenance`; empty where none was
    workers: tuple[str, ...]  #: heard of lately
    spent: int  #: billing units of today's calls, those of unknown outcome included; what `daily_budget` limits

    @property
    def pauses(self) -> tuple[Pause, ...]:
        """All that hold the account; empty while calls go out."""
        return tuple(pause for pause in (self.pause, self.budget_pause) if pause)


def read_account_status(scripts: Scripts) -> AccountStatus:
    """The account as it stands now, in one round trip."""
    found = scripts.run(ACCOUNT_STATUS, Nothing())
    return AccountStatus(
        now_ms=found.now,
        pause=parse_pause(found.pause),
        budget_pause=parse_pause(found.budget_pause),
        counts=count_by_state(found.counts),
        due=found.due,
        run=found.run,
        run_code=found.run_code if found.run else "",
        workers=tuple(sorted(found.workers)),
        spent=found.spent,
    )
