"""`voice-notify demo`: the whole system on one machine, with a mixed batch and a check of every outcome.

It does as an application does: it submits through the public API, and a Celery worker does the rest.

    play.py     the command, and the course of the demo   stage.py           Redis, sandbox, worker, and their settings
    crowd.py    act 1: a crowd, and every fate            sandbox_client.py  asks and steers the sandbox
    balance.py  act 2: the balance runs out               evidence.py        what both say at the end
    audit.py    the sandbox against the ledger            case.py            what is expected, and whether it was seen
    screen.py   progress, and the table of outcomes       monitored.py       with Flower, until Ctrl-C
"""

from voice_notify.demo.play import command

__all__ = ["command"]
