"""What a file of notifications would cost, and how long it would take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import tzinfo
from typing import Literal, Self

from pydantic import Field

from voice_notify.documents.document import Document, Moment, moment, shown_mobile
from voice_notify.documents.submission import RefusedRowDocument
from voice_notify.domain.campaign import Campaign
from voice_notify.ledger.rules import LedgerRules


class BusiestNumberDocument(Document):
    """The number with the most notifications."""

    mobile: str = Field(description="The number, as `138****8000`.")
    notifications: int = Field(description="How many it would get.")


class TemplateCostDocument(Document):
    """What the notifications of one template would cost."""

    notifications: int = Field(description="How many there are.")
    units: int = Field(
        description="What they cost, in billing units; at least so many where the template is not declared."
    )
    declared: bool = Field(description="Whether the template's text is declared, and so the cost is exact.")


class DryRunDocument(Document):
    """What a file would cost and take, if nobody else called the same numbers."""

    dry_run: Literal[True] = Field(default=True, description="Nothing was submitted.")
    encoding: str = Field(description="The encoding of the file: `utf-8`, `gb18030` or `utf-16`.")
    good: int = Field(description="How many rows would be submitted.")
    repeated: int = Field(description="How many rows have the key of an earlier row, and are not counted.")
    refused: tuple[RefusedRowDocument, ...] = Field(
        description="The rows that would be refused, in the order of the file."
    )
    already_known: None = Field(
        default=None, description="Always null: only Redis, which is not asked, knows which rows were submitted before."
    )
    numbers: int = Field(description="How many numbers would be called.")
    busiest: BusiestNumberDocument | None = Field(
        description="The number with the most notifications; null where there is no good row."
    )
    over_max_line: int = Field(
        description="How many rows a line would refuse, if nobody were called before all are submitted."
    )
    units: int = Field(description="What all would cost, in billing units.")
    units_are_exact: bool = Field(description="False where a template is not declared: then `units` is a lower bound.")
    templates: Mapping[str, TemplateCostDocument] = Field(description="The cost by template.")
    budget_days: int | None = Field(
        description="Over how many days the daily budget spreads the cost; null where it does not."
    )
    takes_seconds: float = Field(description="How long it would take until the last call, in seconds.")
    ends_at: Moment = Field(description="When that would be, if it began now.")
    calls: int = Field(description="How many calls would be placed in time.")
    expire: int = Field(description="How many deadlines would pass before the windows allow the call.")

    @classmethod
    def of(  # noqa: PLR0913 - what was counted, what limits it, and how it is to be shown
        cls,
        campaign: Campaign,
        refused: Iterable[RefusedRowDocument],
        repeated: int,
        rules: LedgerRules,
        *,
        encoding: str,
        now_ms: int,
        zone: tzinfo,
    ) -> Self:
        """The document of the good rows, the `campaign`, under the `rules`, begun now."""
        plan = campaign.plan(rules.limits, rules.call_interval_ms)
        budget = rules.daily_budget
        return cls(
            encoding=encoding,
            good=campaign.numbers.total(),
            repeated=repeated,
            refused=tuple(refused),
            numbers=len(campaign.numbers),
            busiest=_busiest(campaign),
            over_max_line=sum(max(0, count - rules.max_line) for count in campaign.numbers.values()),
            units=campaign.units,
            units_are_exact=all(map(campaign.is_declared, campaign.costs)),
            templates=_templates(campaign),
            budget_days=-(-campaign.units // budget) if 0 < budget < campaign.units else None,
            takes_seconds=plan.takes_ms / 1000,
            ends_at=moment(now_ms + plan.takes_ms, zone),
            calls=plan.calls,
            expire=plan.expired,
        )


def _busiest(campaign: Campaign) -> BusiestNumberDocument | None:
    for mobile, count in campaign.numbers.most_common(1):
        return BusiestNumberDocument(mobile=shown_mobile(mobile, reveal=False), notifications=count)
    return None


def _templates(campaign: Campaign) -> dict[str, TemplateCostDocument]:
    return {
        template: TemplateCostDocument(
            notifications=cost.notifications, units=cost.units, declared=campaign.is_declared(template)
        )
        for template, cost in sorted(campaign.costs.items())
    }
