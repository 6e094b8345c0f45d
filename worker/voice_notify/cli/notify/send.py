"""`voice-notify send`: one notification, or a file of them."""

from __future__ import annotations

import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from voice_notify.cli.click_options import duration, examples, json_option
from voice_notify.cli.notify.csv_rows import CsvRows, RefusedRow
from voice_notify.cli.notify.dry_run import check_file
from voice_notify.cli.rendering.output import iso_time, print_fields, print_json, print_text, show_due
from voice_notify.cli.rendering.progress import progress
from voice_notify.domain.notification import OnUnconfirmed
from voice_notify.errors import InvalidNotification
from voice_notify.producer.bulk import BulkInterrupted, BulkResult, Refusal

if TYPE_CHECKING:
    from voice_notify.producer.notify_task import Notify


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
@click.option("--key", help="Idempotency key: what has the same key is submitted once.")
@click.option("--id", "id_", metavar="ID", help="The notification's id, in place of a random one.")
@click.option("--countdown", type=duration, help="Call no sooner than so long from now.")
@click.option("--expires", type=duration, help="Call no later than so long from now.")
@click.option("--priority", type=click.IntRange(0, 9), help="9 goes first.  [default: 0]")
@click.option(
    "--on-unconfirmed",
    type=click.Choice([each.value for each in OnUnconfirmed]),
    help="What to do when nobody knows whether the phone rang.",
)
@click.option("--dry-run", is_flag=True, help="Check the file, say what it costs and takes, and submit nothing.")
@json_option
def command(  # noqa: PLR0913, PLR0917 - the fields of a submission
    mobile: str | None,
    template_id: str | None,
    params: tuple[str, ...],
    file: BinaryIO | None,
    key: str | None,
    id_: str | None,
    *,
    dry_run: bool,
    as_json: bool,
    **options: Any,  # noqa: ANN401 - countdown, expires, priority, on_unconfirmed
) -> None:
    """Submit one notification, or a CSV file of them.

    PARAMS are the template's variables, in order; put -- before variables that begin with a dash. Durations are
    seconds, or like 30m, 2h, 1d.

    The file is UTF-8. Its first line names the columns: mobile, template_id, one for each variable, then key, and if
    you like countdown and expires (in seconds), priority, on_unconfirmed. Options given here hold for the rows that
    leave theirs empty. Empty cells after the last variable, and blank lines, mean nothing.

    A bad row is reported by its line, and the others are submitted. It is safe to submit a file again: a row without a
    key is given one made of its number, template and variables (and, where the file has it several times, its
    occurrence), and what is known is not submitted twice within the setting `retention`. To say the same again on
    purpose, give the row a new key.

    --dry-run needs no Redis: it checks every row, counts the billing units by template, and foretells how long the
    windows make it take and how many would expire, if nobody else calls the same numbers.
    """
    given = {name: value for name, value in options.items() if value is not None}
    if file is not None:
        if mobile is not None or key is not None or id_ is not None:
            raise click.UsageError("--csv does not go with MOBILE, --key or --id: the file's rows say these.")
        if dry_run:
            check_file(file, given, as_json=as_json)
        else:
            _send_file(file, given, as_json=as_json)
    elif dry_run:
        raise click.UsageError("--dry-run goes with --csv.")
    elif mobile is None or template_id is None:
        raise click.UsageError("Give MOBILE and TEMPLATE_ID, or --csv FILE.")
    else:
        given |= {"key": key, "task_id": id_}
        _send_one((mobile, template_id, params), given, as_json=as_json)


def _send_one(args: tuple[object, ...], options: dict[str, Any], *, as_json: bool) -> None:
    kwargs: dict[str, Any] = {name: options.pop(name) for name in ("key", "on_unconfirmed") if name in options}
    result = _notify().apply_async(args, kwargs, **options)
    eta = None if result.duplicate else round(result.eta.timestamp() * 1000)
    if as_json:
        print_json({"id": result.id, "eta": iso_time(eta), "duplicate": result.duplicate})
    elif eta is None:
        print_fields([("id", result.id)])
        print_text("Already known by this key or id: nothing new was submitted.")
    else:
        print_fields([("id", result.id), ("eta", show_due(eta, round(time.time() * 1000)))])


def _send_file(file: BinaryIO, defaults: dict[str, Any], *, as_json: bool) -> None:
    notify = _notify()
    rows = CsvRows(file, defaults)
    interruption = None
    with progress("rows") as show:
        try:
            result = notify.bulk(rows, progress=lambda _: show(len(rows.lines) + len(rows.refused), rows.share))
        except BulkInterrupted as error:
            result, interruption = error.result, error
    refused = sorted([*rows.refused, *(_refused(rows, each) for each in result.refused)], key=lambda row: row.line)
    if as_json:
        print_json(_document(rows, result, refused, interruption))
    else:
        for row in refused:
            click.echo(f"line {row.line}: {row.field}: {row.rule}", err=True)
        submitted = len(result.ids) - result.duplicates
        print_text(f"submitted {submitted}, already known {result.duplicates}, refused {len(refused)}")
    if interruption:
        raise click.ClickException(
            f"Redis was lost at line {rows.lines[interruption.position]}: what follows may or may not be submitted. "
            f"Run the same file again: nothing is submitted twice. ({interruption.__cause__})"
        )
    if refused:
        sys.exit(1)


def _refused(rows: CsvRows, refusal: Refusal) -> RefusedRow:
    line, error = rows.lines[refusal.position], refusal.error
    if isinstance(error, InvalidNotification):
        return RefusedRow(line, error.field, error.rule)
    return RefusedRow(line, "mobile", str(error))  # LineFull


def _document(
    rows: CsvRows, result: BulkResult, refused: list[RefusedRow], interruption: BulkInterrupted | None
) -> dict[str, object]:
    not_stored = {each.position for each in result.refused}
    stored = (line for position, line in enumerate(rows.lines) if position not in not_stored)
    return {
        "submitted": len(result.ids) - result.duplicates,
        "already_known": result.duplicates,
        "refused": [asdict(row) for row in refused],
        "unknown_from_line": rows.lines[interruption.position] if interruption else None,
        # An interruption leaves more lines than ids.
        "notifications": [{"line": line, "id": id_} for line, id_ in zip(stored, result.ids, strict=False)],
    }


def _notify() -> Notify:
    # Declaring the tasks reads the settings, which `--help` must do without.
    from voice_notify.producer.notify_task import notify  # noqa: PLC0415

    return notify
