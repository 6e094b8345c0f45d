"""What a file would cost and take, for people."""

from __future__ import annotations

from datetime import timedelta

from voice_notify.cli.rendering.output import print_fields, print_table, print_text
from voice_notify.cli.rendering.times import show_span, show_time
from voice_notify.documents.dry_run import DryRunDocument
from voice_notify.ledger.rules import LedgerRules


def print_dry_run(found: DryRunDocument, rules: LedgerRules) -> None:
    """All of it; `rules` are those that the sentences name."""
    print_text("dry run: nothing was submitted, and neither Redis nor the provider was asked")
    print_fields(_fields(found, rules))
    if found.templates:
        print_text("")
        print_table(
            ("template", "notifications", "units"),
            (
                (template, f"{cost.notifications:,}", f"{cost.units:,}{_or_more(exact=cost.declared)}")
                for template, cost in found.templates.items()
            ),
            numbers=("notifications", "units"),
        )
    if unknown := [template for template, cost in found.templates.items() if not cost.declared]:
        print_text(
            f"The text of {', '.join(unknown)} is not declared in templates.toml: "
            "only its variables were counted, as 1 unit at least."
        )


def _fields(found: DryRunDocument, rules: LedgerRules) -> list[tuple[str, str]]:
    rate = f" and {1000 / rules.call_interval_ms:g} calls a second" if rules.call_interval_ms else ""
    takes = show_span(timedelta(seconds=found.takes_seconds))
    cost = f"{found.units:,} billing unit{'s' * (found.units != 1)}{_or_more(exact=found.units_are_exact)}"
    return [
        ("rows", f"{found.good:,} good, {len(found.refused):,} refused"),
        ("repeated", f"{found.repeated:,} with the key of an earlier row: not counted" if found.repeated else ""),
        ("known keys", "not told without Redis: what was submitted before is not submitted and costs nothing again"),
        ("numbers", f"{found.numbers:,}"),
        ("busiest", f"{found.busiest.mobile} with {found.busiest.notifications:,}" if found.busiest else ""),
        ("too many", _too_many(found, rules)),
        ("cost", cost),
        ("budget", _budget(found, rules)),
        ("takes", f"{takes} at least, until {show_time(found.ends_at)}: by the windows{rate}"),
        ("expire", f"{found.expire:,} before the windows{rate} allow the call" if found.expire else "none"),
    ]


def _too_many(found: DryRunDocument, rules: LedgerRules) -> str:
    if not found.over_max_line:
        return ""
    return f"{found.over_max_line:,} rows over the {rules.max_line:,} that a line holds (max_line)"


def _budget(found: DryRunDocument, rules: LedgerRules) -> str:
    if found.budget_days is None:
        return ""
    return f"{rules.daily_budget:,} units a day (daily_budget): spread over {found.budget_days:,} days at least"


def _or_more(*, exact: bool) -> str:
    return "" if exact else " or more"
