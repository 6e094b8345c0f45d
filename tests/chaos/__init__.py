"""A run under fire: producers, workers and Redis are killed while thousands of notifications are under way.

At the end three records are reconciled: the replies to the producers, the ledger, and the sandbox's own list of calls.
`make chaos`, or `python -m tests.chaos --help`.
"""
