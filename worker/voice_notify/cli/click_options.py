"""What several commands share: the account that they are given, options, and questions."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import reduce, wraps
from typing import Any, Concatenate, ParamSpec, TypeVar
from zoneinfo import ZoneInfo

import click

from voice_notify.accounts import Account, current_account

P = ParamSpec("P")
R = TypeVar("R")
Body = Callable[..., None]


def pass_account(body: Callable[Concatenate[Account, P], R]) -> Callable[P, R]:
    """Give `body` the account that the settings name as its first argument. Settings are read when it is called."""

    @wraps(body)
    def with_account(*args: P.args, **kwargs: P.kwargs) -> R:
        return body(current_account(), *args, **kwargs)

    return with_account


def zone_of(account: Account) -> ZoneInfo:
    """The time zone in which times are shown: the setting `timezone`."""
    return ZoneInfo(account.settings.timezone)


def together(*decorators: Callable[[Body], Body]) -> Callable[[Body], Body]:
    """Several options as one decorator; `--help` shows them in this order."""
    return lambda body: reduce(lambda inner, decorator: decorator(inner), reversed(decorators), body)


def examples(*lines: str) -> str:
    """The end of a command's help."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def _parsed_by(parse: Callable[[str], object], name: str) -> click.ParamType[Any]:
    """A type of options and arguments, which `--help` shows as `name`."""
    type_ = click.types.FuncParamType(parse)
    type_.name = name
    return type_


_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}


def parse_duration(text: str) -> float:
    """A length of time as a person writes it, in seconds: `90`, `90s`, `30m`, `2h`, `1.5h`, `1d`."""
    parts = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([smhd]?)", text)
    if not parts:
        raise click.BadParameter(f"{text!r} is not a duration like 90s, 30m, 2h or 1d.")
    return float(parts[1]) * _SECONDS[parts[2]]


def parse_mobile(text: str) -> str:
    """A mobile number in the provider's form."""
    if not re.fullmatch(r"1[3-9][0-9]{9}", text):
        raise click.BadParameter("give the 11 digits of a mainland mobile number, like 13800138000.")
    return text


DURATION = _parsed_by(parse_duration, "duration")
MOBILE = _parsed_by(parse_mobile, "mobile")

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
reveal_option = click.option("--reveal", is_flag=True, help="Show numbers in full, not as 138****8000.")
dry_run_option = click.option("--dry-run", is_flag=True, help="Show what would be done, and do nothing.")
yes_option = click.option("--yes", is_flag=True, help="Do not ask for confirmation.")


def confirm(question: str, *, yes: bool) -> None:
    """Ask, unless `yes`; return only if the answer was yes."""
    if yes:
        return
    try:
        agreed = click.confirm(question, err=True)
    except click.Abort:
        raise click.ClickException("nothing was done: nobody answered; --yes skips the question") from None
    if not agreed:
        raise click.ClickException("nothing was done")
