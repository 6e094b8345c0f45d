"""The systems that know priorities; each has a function `submit_urgent(jobs)` beside the others.

Each is set up as its documentation recommends for priorities: 32 calls in flight in all, and nothing fetched beyond
them, since what a worker has fetched is not overtaken. Where it has a rate limit, it keeps `job.calls_per_second()`.

taskiq and dramatiq have priorities on RabbitMQ only, whose own they are: on Redis, taskiq has none, and dramatiq's
`priority` of an actor orders what a worker has already fetched. arq has none. RQ's `at_front` would do, but one of its
processes does one job at a time.

Of these, only huey keeps a rate limit. taskiq has none, dramatiq's lets a message fail, to be retried later, and
Celery's makes far fewer calls than it allows (`celery.py`).
"""
