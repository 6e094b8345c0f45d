"""`voice-notify sandbox`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from pydantic import ValidationError

from voice_notify.sandbox.config import SandboxConfig
from voice_notify.sandbox.fault_script import FaultScript, explain_mistakes
from voice_notify.sandbox.faults import Fault, magic_number_table
from voice_notify.sandbox.templates import load_templates

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voice_notify.sandbox.templates import Template

_DEFAULTS = SandboxConfig()
_MAGIC_NUMBERS = "\n".join(f"  …{digits}  {meaning}" for digits, meaning in magic_number_table())
_EPILOG = f"""\b
Magic numbers: the last four digits of the mobile decide what happens to each request.
{_MAGIC_NUMBERS}

\b
Faults: {{"rules": [...], "latency": [min, max], "network_delay": [min, max], "seed": n}}, times in seconds.
A rule is {{"action": ..., "percent": 0-100}} or {{"action": ..., "count": n}}, and may name one "mobile".
An action is a code such as 500, or one of
{", ".join(Fault)}.
Also at run time: POST or DELETE /sandbox/faults.

\b
See and control: GET /sandbox/calls[?mobile=], /sandbox/violations, /sandbox/summary, /sandbox/balance;
POST /sandbox/balance {{"units": n}}, /sandbox/account {{"answer": 602 or null}},
/sandbox/secret {{"secret": ..., "keep_old": true or false}}, /sandbox/reset.
"""


def _parse_templates(_: click.Context, __: click.Parameter, path: Path | None) -> Mapping[str, Template] | None:
    try:
        return None if path is None else load_templates(path)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def _parse_faults(_: click.Context, __: click.Parameter, text: str | None) -> FaultScript:
    try:
        return FaultScript() if text is None else FaultScript.model_validate_json(text)
    except ValidationError as error:
        raise click.BadParameter(explain_mistakes(error)) from error


@click.command(epilog=_EPILOG, context_settings={"show_default": True, "max_content_width": 120})
@click.option("--host", default="127.0.0.1", help="Address to listen on.")
@click.option("--port", default=8790, type=click.IntRange(0, 65535), help="Port to listen on; 0 chooses a free one.")
@click.option("--app-id", default=_DEFAULTS.app_id, envvar="VOICE_NOTIFY_APP_ID", help="The account.")
@click.option(
    "--app-secret", default=_DEFAULTS.app_secret, envvar="VOICE_NOTIFY_APP_SECRET", help="The account's secret."
)
@click.option("--gap", default=_DEFAULTS.gap, type=click.FloatRange(0), help="Seconds between two calls to a number.")
@click.option("--max-calls", default=_DEFAULTS.max_calls, type=click.IntRange(1), help="Calls to a number in a window.")
@click.option(
    "--window", default=_DEFAULTS.window, type=click.FloatRange(0), help="Seconds that --max-calls counts in."
)
@click.option("--balance", default=_DEFAULTS.balance, type=click.IntRange(0), help="Billing units to start with.")
@click.option(
    "--templates",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    callback=_parse_templates,
    help="TOML file of the reviewed templates; without it, every template is known.",
)
@click.option("--magic-numbers/--no-magic-numbers", default=True, help="Whether the numbers below are special.")
@click.option("--faults", metavar="JSON", callback=_parse_faults, help="Script of faults; see below.")
def sandbox(host: str, port: int, **options: Any) -> None:  # noqa: ANN401 - the fields of SandboxConfig, read by click
    """Run a provider to develop against.

    It checks each request as the provider does, enforces the gap and the daily limit, keeps a balance, and places no
    real call.
    """
    from voice_notify.sandbox.server import PATH, serve  # noqa: PLC0415 - only this needs the extra

    def announce(actual_port: int) -> None:
        click.echo(f"sandbox listening on http://{host}:{actual_port}{PATH}")

    try:
        serve(SandboxConfig(**options), host=host, port=port, ready=announce)
    except OSError as error:
        raise click.ClickException(f"cannot listen on {host}:{port}: {error.strerror}") from error
