"""`voice-notify number`: a small picture of one number's day."""

from __future__ import annotations

import click

from voice_notify.accounts import Account
from voice_notify.cli.click_options import MOBILE, examples, json_option, pass_account, reveal_option, zone_of
from voice_notify.cli.rendering.number import print_number
from voice_notify.cli.rendering.output import print_json
from voice_notify.documents.number import NumberDocument
from voice_notify.ledger.numbers import read_number


@click.command(epilog=examples("voice-notify number 13800138000", "voice-notify number 13800138000 --json"))
@click.argument("number", metavar="MOBILE", type=MOBILE)
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=10, show_default=True, help="The most to show of its line."
)
@reveal_option
@json_option
@pass_account
def command(account: Account, number: str, *, limit: int, reveal: bool, as_json: bool) -> None:
    """Show the calls to one number within its window, how many are left, when it may be called next, and its line.

    The number is masked here too, because screens are shared.
    """
    view = read_number(account.ledger.scripts, number, most=limit)
    document = NumberDocument.of(view, zone_of(account), reveal=reveal)
    if as_json:
        print_json(document)
    else:
        print_number(document)
