"""How the account stands: its pause, what is open and ended, who works."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from voice_notify.domain.states import State
from voice_notify.ledger.notifications import Pause, pairs, pause, states

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voice_notify.ledger.scripts import Scripts


@dataclass(frozen=True, slots=True)
class AccountStatus:
    """The account at one moment."""

    now_ms: int
    pause: Pause | None  #: None while calls go out
    counts: Mapping[State, int]  #: `accepted`, `expired` and `cancelled` are totals since ever
    due: int  #: numbers with work that is due and not yet begun
    run: int  #: numbers refused for good in a row, no success between
    run_code: str  #: with this code; empty where none was
    workers: tuple[str, ...]  #: heard of lately
    spent: int  #: billing units of today's calls, those of unknown outcome included; what `daily_budget` limits


def read_account_status(scripts: Scripts) -> AccountStatus:
    """The account as it stands now, in one round trip."""
    now, paused, counts, due, run, code, workers, spent = scripts.run("account_status", ())
    return AccountStatus(
        now_ms=now,
        pause=pause(pairs(paused)),
        counts=states(pairs(counts)),
        due=due,
        run=run,
        run_code=code if run else "",
        workers=tuple(sorted(workers)),
        spent=spent,
    )
