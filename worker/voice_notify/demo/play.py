"""`voice-notify demo`: the command, and the course of the demo."""

from __future__ import annotations

import signal
from contextlib import suppress

import click

from voice_notify.cli.rendering.output import print_text
from voice_notify.demo.audit import audit
from voice_notify.demo.balance import run_out
from voice_notify.demo.crowd import submit_crowd
from voice_notify.demo.evidence import gather
from voice_notify.demo.monitored import play_on
from voice_notify.demo.screen import print_outcomes, print_settings, watch
from voice_notify.demo.stage import Stage, set_stage

_NEXT = """
What next?
  README.md                 set it up for a real account
  voice-notify send         ring a phone, or all the numbers of a file
  voice-notify explain ID   what happened to a notification, and what is next
  voice-notify sandbox      the provider of this demo, to develop against"""


@click.command("demo")
@click.option("--flower", is_flag=True, help="Instead, show a call now and then in Flower, until Ctrl-C.")
def command(*, flower: bool) -> None:
    """See it work: a sandbox, a worker and a mixed batch, on this machine.

    Starts Redis (a redis-server or valkey-server of yours, else one that a Python package brings), the sandbox in place
    of the provider, and a Celery worker, all on the loopback and with settings of their own. Submits notifications of
    every fate, checks what became of each, and removes everything again. No phone rings. It takes about half a minute,
    and exits 0 if every outcome is the expected one.
    """
    _end_in_order()
    print_text("Starting Redis, a sandbox in place of the provider, and a Celery worker …")
    with set_stage() as stage:
        if flower:
            with suppress(KeyboardInterrupt):
                play_on(stage)
            print_text("\nEnding what was started …")
            return
        failed = _play(stage)
    if failed:
        raise click.ClickException(f"{failed} of the outcomes above are not the expected ones")
    print_text(_NEXT)


def _play(stage: Stage) -> int:
    """Play both acts and show the outcomes; how many failed."""
    print_text(f"Redis is {stage.redis}. Nothing leaves this machine.\n")
    print_settings()

    print_text("\nAct 1: a crowd, and among it every way that a notification can go")
    crowd = submit_crowd(stage)
    watch(stage, [id_ for case in crowd[1:] for id_ in case.ids])

    print_text("\nAct 2: the balance runs out")
    balance = run_out(stage)
    watch(stage, [id_ for case in balance for id_ in case.ids])

    cases = [*crowd, *balance, *audit()]
    evidence = gather(stage.sandbox, [id_ for case in cases for id_ in case.ids])
    outcomes = [(case, case.see(evidence)) for case in cases]
    print_text("")
    print_outcomes(outcomes)
    return sum(not seen.ok for _, seen in outcomes)


def _end_in_order() -> None:
    """Let a closed terminal and a `kill` end the demo as Ctrl-C does: with nothing left behind."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)
