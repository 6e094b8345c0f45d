"""`voice-notify send --csv --dry-run`: what a file would cost and how long it would take; nothing is submitted."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping

from voice_notify.accounts import Account
from voice_notify.cli.click_options import pass_account, zone_of
from voice_notify.cli.notify.csv_rows import CsvRows
from voice_notify.cli.rendering.dry_run import print_dry_run
from voice_notify.cli.rendering.output import print_json
from voice_notify.cli.rendering.progress import progress
from voice_notify.cli.rendering.refused_rows import print_reading, print_refused_rows
from voice_notify.documents.dry_run import DryRunDocument
from voice_notify.documents.submission import RefusedRowDocument
from voice_notify.domain.campaign import Campaign
from voice_notify.domain.notification import build_notification, new_id
from voice_notify.domain.template import Template
from voice_notify.errors import InvalidNotification


@pass_account
def check_file(account: Account, rows: CsvRows, *, as_json: bool) -> None:
    """Say which rows of a file would be refused, and what the others would cost and how long they would take."""
    rules = account.ledger.rules  # what the settings say: Redis is not asked
    campaign = Campaign(account.templates, rules.default_expires_ms)
    refused, repeated = _add_rows(campaign, rows, account.templates)
    now_ms = round(time.time() * 1000)
    document = DryRunDocument.of(
        campaign, refused, repeated, rules, encoding=rows.encoding, now_ms=now_ms, zone=zone_of(account)
    )
    if as_json:
        print_json(document)
    else:
        print_reading(rows)
        print_refused_rows(refused)
        print_dry_run(document, rules)
    if refused:
        sys.exit(1)


def _add_rows(
    campaign: Campaign, rows: CsvRows, templates: Mapping[str, Template]
) -> tuple[list[RefusedRowDocument], int]:
    """Add the good rows to the campaign. Returns the refused ones, and how many had the key of an earlier row."""
    refused, repeated, keys = [], 0, set[str]()
    with progress("rows") as show:
        for row in rows:
            show(rows.seen, rows.share)
            try:
                each = build_notification(**row, id=new_id(), templates=templates)
            except InvalidNotification as error:
                refused.append(RefusedRowDocument(line=rows.lines[-1], field=error.field, rule=error.rule))
                continue
            if each.key in keys:
                repeated += 1
                continue
            keys.add(each.key or "")
            campaign.add(each)
    return sorted([*refused, *rows.refused], key=lambda row: row.line), repeated
