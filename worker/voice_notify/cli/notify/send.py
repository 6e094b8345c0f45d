"""`voice-notify send`: one notification, or a file of them."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from voice_notify.accounts import Account
from voice_notify.cli.click_options import DURATION, examples, json_option, pass_account, zone_of
from voice_notify.cli.notify.csv_rows import CsvRows
from voice_notify.cli.notify.csv_text import ENCODINGS
from voice_notify.cli.notify.dry_run import check_file
from voice_notify.cli.rendering.explanation import block_fields
from voice_notify.cli.rendering.output import print_fields, print_json, print_text
from voice_notify.cli.rendering.progress import progress
from voice_notify.cli.rendering.refused_rows import print_reading, print_refused_rows
from voice_notify.cli.rendering.times import show_due, show_time
from voice_notify.documents.notification import ExplanationDocument
from voice_notify.documents.submission import (
    RefusedRowDocument,
    SubmittedDocument,
    SubmittedFileDocument,
    SubmittedRowDocument,
)
from voice_notify.domain.notification import OnUnconfirmed
from voice_notify.domain.reasons import Reason
from voice_notify.domain.states import State
from voice_notify.errors import InvalidNotification, KeyConflict
from voice_notify.producer.bulk import BulkInterrupted, BulkResult, Refusal

if TYPE_CHECKING:
    from voice_notify.producer.notify_task import NotifyOptions, TypedNotify


@click.command(
    epilog=examples(
        "voice-notify send 13800001234 453662 张三 3号楼 --key order-8812",
        "voice-notify send 13800001234 453701 机房 断电 14:05 --priority 9 --expires 10m",
        "voice-notify send --csv notifications.csv --dry-run",
        "voice-notify send --csv notifications.csv",
        "",
        "where notifications.csv holds",
        "",
        "mobile,template_id,param1,param2,key",
        "13800001234,453662,张三,3号楼,order-8812",
        "13800001235,453662,李四,5号楼,",
    )
)
@click.argument("mobile", required=False)
@click.argument("template_id", required=False)
@click.argument("params", nargs=-1)
@click.option("--csv", "file", type=click.File("rb"), help="Submit the rows of this file; - reads standard input.")
@click.option(
    "--encoding",
    type=click.Choice([*ENCODINGS]),
    help="The file's.  [default: found for the whole file, or the file is refused]",
)
@click.option("--key", help="Idempotency key: notifications with one key are submitted once.")
@click.option("--id", "id_", metavar="ID", help="The notification's id, instead of a random one.")
@click.option("--countdown", type=DURATION, help="Call no earlier than this long from now.")
@click.option("--expires", type=DURATION, help="Call no later than this long from now.")
@click.option("--priority", type=click.IntRange(0, 9), help="9 goes first, among all numbers.  [default: 0]")
@click.option(
    "--on-unconfirmed",
    type=click.Choice([each.value for each in OnUnconfirmed]),
    help="What to do when nobody knows whether the phone rang.  [default: the setting on_unconfirmed]",
)
@click.option("--dry-run", is_flag=True, help="Check the file, tell its cost and duration, and submit nothing.")
@json_option
def command(  # noqa: PLR0913, PLR0917 - the fields of a submission
    mobile: str | None,
    template_id: str | None,
    params: tuple[str, ...],
    file: BinaryIO | None,
    encoding: str | None,
    key: str | None,
    id_: str | None,
    *,
    dry_run: bool,
    as_json: bool,
    **options: Any,  # noqa: ANN401 - countdown, expires, priority, on_unconfirmed
) -> None:
    """Submit one notification, or a CSV file of them.

    PARAMS are the template's variables, in order; put -- before variables that begin with a dash. A duration is a
    number of seconds, or has a unit, as in 30m, 2h, 1d.

    The file is UTF-8, GB18030 (GBK) or UTF-16. Which, is found for the whole file before anything is submitted, and
    said where it is not UTF-8; a file whose encoding is not certain is refused. Its first line names the columns:
    mobile, template_id, one for each variable, then any of key, countdown and expires (in seconds), priority and
    on_unconfirmed. Options given here hold for the rows that leave theirs empty. Each line is a row. Blank lines, and
    empty cells after the last variable, are ignored. A number may be written with +86, spaces or dashes.

    A bad row is reported by its line, and the others are submitted. It is safe to submit a file again: a row without a
    key is given one made of its number, template and variables (and, where the file contains it several times, its
    occurrence), and what is known is not submitted twice within the setting `retention`. To send the same content
    again on purpose, give the row a new key.

    --dry-run needs no Redis: it checks every row, counts the billing units by template, and forecasts how long the
    windows make it take and how many would expire, provided that nobody else calls the same numbers.
    """
    given = {name: value for name, value in options.items() if value is not None}
    if file is not None:
        if mobile is not None or key is not None or id_ is not None:
            raise click.UsageError("--csv does not go with MOBILE, --key or --id: the rows of the file have these.")
        if dry_run:
            check_file(CsvRows(file, given, encoding), as_json=as_json)
        else:
            _send_file(CsvRows(file, given, encoding), as_json=as_json)
    elif dry_run or encoding:
        raise click.UsageError(f"{'--dry-run' if dry_run else '--encoding'} goes with --csv.")
    elif mobile is None or template_id is None:
        raise click.UsageError("Give MOBILE and TEMPLATE_ID, or --csv FILE.")
    else:
        given |= {"key": key, "task_id": id_}
        _send_one((mobile, template_id, params), given, as_json=as_json)


@pass_account
def _send_one(
    account: Account, args: tuple[str, str, tuple[str, ...]], options: dict[str, Any], *, as_json: bool
) -> None:
    own: NotifyOptions = {"key": options.pop("key", None), "on_unconfirmed": options.pop("on_unconfirmed", None)}
    result = _notify().apply_async(args, own, **options)
    zone = zone_of(account)
    found = ExplanationDocument.of(account.ledger.explain(result.id), zone)
    if as_json:
        submitted = SubmittedDocument(
            id=found.id,
            state=found.state,
            reason=found.reason,
            eta=found.eta,
            deadline=found.deadline,
            duplicate=result.duplicate,
        )
        print_json(submitted)
        return
    if found.state is State.WAITING:
        eta = "when a person resumes the account" if found.eta is None else show_due(found.eta, datetime.now(zone))
        blocks = [] if found.reason == Reason.NEW else block_fields(found)
        print_fields([("id", found.id), ("eta", eta), *blocks])
    else:
        print_fields([("id", found.id), ("state", f"{found.state} ({found.reason})")])
    if result.duplicate:
        again = "; give another key to call again" if found.state.final else ""
        print_text(f"Already known by this key or id: nothing new was submitted{again}.")
    elif found.state is State.WAITING and found.deadline and found.eta and found.eta >= found.deadline:
        click.echo(f"Warning: its deadline, {show_time(found.deadline)}, comes first: it will expire.", err=True)


def _send_file(rows: CsvRows, *, as_json: bool) -> None:
    notify, interruption = _notify(), None
    with progress("rows") as show:
        try:
            result = notify.bulk(rows, progress=lambda _: show(rows.seen, rows.share))
        except BulkInterrupted as error:
            result, interruption = error.result, error
    document = _document(rows, result, interruption)
    if as_json:
        print_json(document)
    else:
        print_reading(rows)
        print_refused_rows(document.refused)
        states = ", ".join(f"{n} {state}" for state, n in document.known_by_state.items())
        known = f"already known {document.already_known}" + (f" ({states})" if states else "")
        counts = f"submitted {document.submitted}, {known}"
        print_text(f"{counts}, refused {len(document.refused)}")
    if interruption:
        raise click.ClickException(
            f"Redis was lost at line {document.unknown_from_line}: what follows may or may not be submitted. "
            f"Run the same file again: nothing is submitted twice. ({interruption.__cause__})"
        )
    if document.refused:
        sys.exit(1)


def _document(rows: CsvRows, result: BulkResult, interruption: BulkInterrupted | None) -> SubmittedFileDocument:
    refused = [*rows.refused, *(_refused(rows, each) for each in result.refused)]
    not_stored = {each.position for each in result.refused}
    stored = (line for position, line in enumerate(rows.lines) if position not in not_stored)
    return SubmittedFileDocument(
        submitted=len(result.ids) - result.duplicates,
        already_known=result.duplicates,
        encoding=rows.encoding,
        rewritten=rows.rewritten,
        known_by_state=dict(sorted(result.known.items())),
        refused=tuple(sorted(refused, key=lambda row: row.line)),
        unknown_from_line=rows.lines[interruption.position] if interruption else None,
        # An interruption leaves more lines than ids.
        notifications=tuple(
            SubmittedRowDocument(line=line, id=id_) for line, id_ in zip(stored, result.ids, strict=False)
        ),
    )


def _refused(rows: CsvRows, refusal: Refusal) -> RefusedRowDocument:
    line, error = rows.lines[refusal.position], refusal.error
    if isinstance(error, InvalidNotification):
        return RefusedRowDocument(line=line, field=error.field, rule=error.rule)
    field = "key" if isinstance(error, KeyConflict) else "mobile"
    return RefusedRowDocument(line=line, field=field, rule=str(error))


def _notify() -> TypedNotify:
    # Declaring the tasks reads the settings, which `--help` must do without.
    from voice_notify.producer.notify_task import notify  # noqa: PLC0415

    return notify
