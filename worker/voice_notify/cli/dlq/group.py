"""`voice-notify dlq`: the group of its commands."""

from __future__ import annotations

import click

from voice_notify.cli.dlq.export import export
from voice_notify.cli.dlq.listing import list_dead_letters
from voice_notify.cli.dlq.purge import purge
from voice_notify.cli.dlq.replay import replay
from voice_notify.cli.dlq.show import show


@click.group("dlq")
def group() -> None:
    """List, export, replay and purge the dead letters.

    A dead letter is a notification that only a person can move on. A replay puts it back in line, with a new deadline
    and its attempts counted anew; a purge deletes it permanently.
    """


for command in (list_dead_letters, show, replay, purge, export):
    group.add_command(command)
