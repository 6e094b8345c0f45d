"""`voice-notify send --csv --dry-run`: what a file would cost and how long it would take; nothing is submitted."""

from __future__ import annotations

import sys
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from voice_notify.accounts import current_account
from voice_notify.cli.notify.csv_rows import CsvRows, RefusedRow
from voice_notify.cli.rendering.output import (
    iso_time,
    print_fields,
    print_json,
    print_table,
    print_text,
    show_mobile,
    show_span,
    show_time,
)
from voice_notify.cli.rendering.progress import progress
from voice_notify.domain.campaign import Campaign, Plan
from voice_notify.domain.notification import build_notification, new_id
from voice_notify.errors import InvalidNotification

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voice_notify.ledger.rules import LedgerRules


@dataclass(slots=True)
class _Checked:
    """What the rows came to."""

    campaign: Campaign
    refused: list[RefusedRow] = field(default_factory=list)
    repeated: int = 0  #: rows with the key of an earlier row of the file


def check_file(file: BinaryIO, defaults: Mapping[str, Any], *, as_json: bool) -> None:
    """Say of each row whether it is good, and of all good ones what they cost and how long they take."""
    ledger = current_account().ledger  # for what the settings say: it is not asked
    options = ledger.rules
    checked = _check(CsvRows(file, defaults), Campaign(current_account().templates, options.default_expires_ms))
    plan = checked.campaign.plan(options.limits, options.call_interval_ms)
    if as_json:
        print_json(_document(checked, plan, options))
    else:
        _show(checked, plan, options)
    if checked.refused:
        sys.exit(1)


def _check(rows: CsvRows, campaign: Campaign) -> _Checked:
    checked, keys = _Checked(campaign), set[str]()
    with progress("rows") as show:
        for row in rows:
            show(len(rows.lines) + len(rows.refused), rows.share)
            try:
                each = build_notification(**row, id=new_id(), templates=current_account().templates)
            except InvalidNotification as error:
                checked.refused.append(RefusedRow(rows.lines[-1], error.field, error.rule))
                continue
            if each.key in keys:
                checked.repeated += 1
                continue
            keys.add(each.key or "")
            campaign.add(each)
    checked.refused = sorted([*checked.refused, *rows.refused], key=lambda row: row.line)
    return checked


def _show(checked: _Checked, plan: Plan, options: LedgerRules) -> None:
    for row in checked.refused:
        click.echo(f"line {row.line}: {row.field}: {row.rule}", err=True)
    print_text("dry run: nothing was submitted, and neither Redis nor the provider was asked")
    print_fields(_fields(checked, plan, options))
    campaign = checked.campaign
    if campaign.costs:
        print_text("")
        print_table(
            ("template", "notifications", "units"),
            (
                (
                    template,
                    f"{cost.notifications:,}",
                    f"{cost.units:,}{'' if campaign.is_declared(template) else ' or more'}",
                )
                for template, cost in sorted(campaign.costs.items())
            ),
        )
    if unknown := [template for template in campaign.costs if not campaign.is_declared(template)]:
        print_text(
            f"The text of {', '.join(sorted(unknown))} is not declared in templates.toml: "
            "only its variables were counted, as 1 unit at least."
        )


def _fields(checked: _Checked, plan: Plan, options: LedgerRules) -> list[tuple[str, str]]:
    campaign = checked.campaign
    ends = show_time(round(time.time() * 1000) + plan.takes_ms)
    rate = f" and {1000 / options.call_interval_ms:g} calls a second" if options.call_interval_ms else ""
    overfull, days = _overfull(campaign, options.max_line), _days(campaign, options.daily_budget)
    busiest = campaign.numbers.most_common(1)
    fields = [
        ("rows", f"{campaign.numbers.total():,} good, {len(checked.refused):,} refused"),
        ("repeated", checked.repeated and f"{checked.repeated:,} with the key of an earlier row: not counted"),
        ("known keys", "not told without Redis: what was submitted before is not submitted and costs nothing again"),
        ("numbers", f"{len(campaign.numbers):,}"),
        ("busiest", "".join(f"{show_mobile(mobile, reveal=False)} with {count:,}" for mobile, count in busiest)),
        ("too many", overfull and f"{overfull:,} rows over the {options.max_line:,} that a line holds (max_line)"),
        ("cost", f"{campaign.units:,} billing unit{'s' * (campaign.units != 1)}{_or_more(campaign, *campaign.costs)}"),
        ("budget", days and f"{options.daily_budget:,} units a day (daily_budget): spread over {days:,} days at least"),
        ("takes", f"{show_span(plan.takes_ms)} at least, until {ends}: by the windows{rate}"),
        ("expire", f"{plan.expired:,} before the windows{rate} allow the call" if plan.expired else "none"),
    ]
    return [(name, value) for name, value in fields if isinstance(value, str)]


def _or_more(campaign: Campaign, *templates: str) -> str:
    return "" if all(map(campaign.is_declared, templates)) else " or more"


def _overfull(campaign: Campaign, max_line: int) -> int:
    """Rows that a line would refuse, if none of its number is called before they are submitted."""
    return sum(max(0, count - max_line) for count in campaign.numbers.values())


def _days(campaign: Campaign, budget: int) -> int | None:
    """How many days' budgets it costs, where it is more than one's."""
    return -(-campaign.units // budget) if 0 < budget < campaign.units else None


def _document(checked: _Checked, plan: Plan, options: LedgerRules) -> dict[str, object]:
    campaign = checked.campaign
    mobile, count = next(iter(campaign.numbers.most_common(1)), ("", 0))
    return {
        "dry_run": True,
        "good": campaign.numbers.total(),
        "repeated": checked.repeated,
        "refused": [asdict(row) for row in checked.refused],
        "already_known": None,  # only Redis knows
        "numbers": len(campaign.numbers),
        "busiest": {"mobile": show_mobile(mobile, reveal=False), "notifications": count} if count else None,
        "over_max_line": _overfull(campaign, options.max_line),
        "units": campaign.units,
        "units_are_exact": all(map(campaign.is_declared, campaign.costs)),
        "templates": {
            template: {**asdict(cost), "declared": campaign.is_declared(template)}
            for template, cost in sorted(campaign.costs.items())
        },
        "budget_days": _days(campaign, options.daily_budget),
        "takes_seconds": plan.takes_ms / 1000,
        "ends_at": iso_time(round(time.time() * 1000) + plan.takes_ms),
        "calls": plan.calls,
        "expire": plan.expired,
    }
