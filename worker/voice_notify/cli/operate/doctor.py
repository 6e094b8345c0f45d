"""`voice-notify doctor`: whether this installation can work, and what to do where not."""

from __future__ import annotations

import sys
from dataclasses import asdict

import click
from rich.text import Text

from voice_notify.cli.click_options import examples, json_option
from voice_notify.cli.operate.checks import check_all
from voice_notify.cli.operate.finding import Level
from voice_notify.cli.rendering.output import print_json, print_text

_STYLES = {Level.OK: "green", Level.WARNING: "yellow", Level.FAILED: "bold red"}


@click.command(epilog=examples("voice-notify doctor"))
@json_option
def command(*, as_json: bool) -> None:
    """Check settings, secret, templates, Redis, broker, provider and workers: a line for each, and what to do.

    It changes nothing and sends no request to the provider. The exit code is 1 if anything FAILED.
    """
    findings = []
    for finding in check_all():
        findings.append(finding)
        if not as_json:
            level = (f"{finding.level:<8}", _STYLES[finding.level])
            print_text(Text.assemble(level, f"  {finding.check:<17}  {finding.text}"))
            if finding.advice:
                print_text(Text(f"{'':<29}→ {finding.advice}", style="dim"))
    failed = any(finding.level is Level.FAILED for finding in findings)
    if as_json:
        print_json({"ok": not failed, "checks": [asdict(finding) for finding in findings]})
    if failed:
        sys.exit(1)
