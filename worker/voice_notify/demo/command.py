"""`voice-notify demo`: the command, and the course of the demo."""

from __future__ import annotations

import signal
from contextlib import suppress

import click

from voice_notify.cli.rendering.output import print_text
from voice_notify.demo.evidence import gather_evidence
from voice_notify.demo.flower import show_flower
from voice_notify.demo.mixed_batch import submit_mixed_batch
from voice_notify.demo.progress import show_progress
from voice_notify.demo.reconciliation import reconcile
from voice_notify.demo.services import Services, run_services
from voice_notify.demo.spent_balance import spend_balance
from voice_notify.demo.tables import print_outcomes, print_settings

_WHAT_NEXT = """
What next?
  README.md                 set it up for a real account
  voice-notify send         call a number, or all the numbers of a file
  voice-notify explain ID   what happened to a notification, and what is next
  voice-notify sandbox      the provider of this demo, to develop against"""


@click.command("demo")
@click.option("--flower", is_flag=True, help="Instead, show a call now and then in Flower, until Ctrl-C.")
def demo(*, flower: bool) -> None:
    """Watch it work: a sandbox, a worker and a mixed batch, on this machine.

    Starts Redis (a redis-server or valkey-server of yours, else one that a Python package brings), the sandbox in place
    of the provider, and a Celery worker, all on the loopback and with settings of their own. Submits notifications that
    meet every fate, checks what became of each, and removes everything again. No phone rings. It takes about half a
    minute, and exits with 0 if every outcome is as expected.
    """
    _treat_termination_as_ctrl_c()
    print_text("Starting Redis, a sandbox in place of the provider, and a Celery worker …")
    with run_services() as services:
        if flower:
            with suppress(KeyboardInterrupt):
                show_flower(services)
            print_text("\nStopping what was started …")
            return
        failed = _run_both_acts(services)
    if failed:
        raise click.ClickException(f"{failed} of the outcomes above are not as expected")
    print_text(_WHAT_NEXT)


def _run_both_acts(services: Services) -> int:
    """Run both acts and show the outcomes. Returns the number of failed checks."""
    print_text(f"Redis is {services.redis}. Nothing leaves this machine.\n")
    print_settings()

    print_text("\nAct 1: many at once, and among them every way that a notification can go")
    first_act = submit_mixed_batch(services)
    show_progress(services, [id_ for check in first_act[1:] for id_ in check.ids])

    print_text("\nAct 2: the balance runs out")
    second_act = spend_balance(services)
    show_progress(services, [id_ for check in second_act for id_ in check.ids])

    checks = [*first_act, *second_act, *reconcile()]
    evidence = gather_evidence(services.sandbox, [id_ for check in checks for id_ in check.ids])
    outcomes = [(check, check.see(evidence)) for check in checks]
    print_text("")
    print_outcomes(outcomes)
    return sum(not seen.ok for _, seen in outcomes)


def _treat_termination_as_ctrl_c() -> None:
    """Let `kill` and a closed terminal end the demo as Ctrl-C does: with nothing left behind."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)
