"""The account: whether calls go out, what is open, and what a person can do."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo
from typing import Self

from pydantic import Field

from voice_notify.documents.advice import advise_on_account
from voice_notify.documents.document import Document, Moment, moment
from voice_notify.documents.pause import PauseDocument
from voice_notify.domain.states import State
from voice_notify.ledger.account_status import AccountStatus


class AccountDocument(Document):
    """The account at one moment."""

    app_id: str = Field(description="The provider's id of the account.")
    at: Moment = Field(description="The moment, by the clock of Redis.")
    paused: bool = Field(description="Whether no call goes out.")
    pause: PauseDocument | None = Field(description="Why not, and until when; null while calls go out.")
    pauses: tuple[PauseDocument, ...] = Field(
        description="All that hold the account: the breaker's and that of a spent budget. The first is `pause`."
    )
    counts: Mapping[State, int] = Field(
        description="Notifications in each state; `accepted`, `expired` and `cancelled` are all-time totals."
    )
    due_now: int = Field(description="How many numbers have a call that is due and has not begun.")
    refused_in_a_row: int = Field(
        description="How many numbers in a row met the same failure that may be the account's or the provider's."
    )
    refused_with: str | None = Field(
        description="The code of these refusals, or `unreachable` or `maintenance`; null where there are none."
    )
    workers: tuple[str, ...] = Field(description="The names of the workers that are alive.")
    spent_today: int = Field(description="Billing units of today's calls, those with an unknown outcome included.")
    daily_budget: int | None = Field(
        description="The most that may be spent in a day; null where the setting `daily_budget` is not set."
    )
    next_steps: tuple[str, ...] = Field(description="What a person can do, in sentences; empty where all is well.")

    @classmethod
    def of(cls, app_id: str, status: AccountStatus, daily_budget: int | None, zone: tzinfo) -> Self:
        """The document of an account's status, with its times in `zone`."""
        return cls(
            app_id=app_id,
            at=moment(status.now_ms, zone),
            paused=bool(status.pauses),
            pause=PauseDocument.of(status.pauses[0], zone) if status.pauses else None,
            pauses=tuple(PauseDocument.of(pause, zone) for pause in status.pauses),
            counts=status.counts,
            due_now=status.due,
            refused_in_a_row=status.run,
            refused_with=status.run_code or None,
            workers=status.workers,
            spent_today=status.spent,
            daily_budget=daily_budget,
            next_steps=advise_on_account(status),
        )
