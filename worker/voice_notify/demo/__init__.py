"""`voice-notify demo`: the whole system on one machine, with a mixed batch and a check of every outcome.

It does what an application does: it submits through the public API, and a Celery worker does the rest.

    command.py         the command, and the course of the demo

    configuration.py   the settings, with shrunk times, and the text templates
    services.py        Redis, the sandbox and the worker: started, watched, stopped
    redis_server.py    a Redis server: the machine's, one from a wheel, or the one in fakeredis_server.py
    processes.py       a child process and its log
    sandbox_client.py  what the sandbox recorded, and what it is told to do

    mixed_batch.py     act 1: many notifications, and among them every way that one can go
    spent_balance.py   act 2: the balance runs out
    check.py           one check: what is expected, and what was seen
    evidence.py        what the checks look at: the ledger and the sandbox at the end
    reconciliation.py  the checks of the one against the other

    progress.py        what is shown while it runs    tables.py  the settings before, the outcomes after
    flower.py          `--flower`: calls and Flower until Ctrl-C
"""
