"""`voice-notify doctor`: whether this installation can work, and what to do where it cannot."""

from __future__ import annotations

import sys

import click

from voice_notify.accounts import current_account
from voice_notify.cli.click_options import examples, json_option
from voice_notify.cli.operate.doctor_checks import check_all
from voice_notify.cli.rendering.doctor import print_finding
from voice_notify.cli.rendering.output import print_json
from voice_notify.documents.doctor import DoctorDocument


@click.command(epilog=examples("voice-notify doctor"))
@json_option
def command(*, as_json: bool) -> None:
    """Check settings, secret, templates, Redis, broker, provider and workers: a line for each, and what to do.

    It changes nothing and sends no request to the provider. The exit code is 1 if anything FAILED.
    """
    findings = []
    for finding in check_all(current_account):  # not yet called: settings that cannot be used are a finding
        findings.append(finding)
        if not as_json:
            print_finding(finding)
    document = DoctorDocument.of(tuple(findings))
    if as_json:
        print_json(document)
    if not document.ok:
        sys.exit(1)
