"""What an operator sees of the work.

    logs.py         the loggers, in every process    task_events.py  Celery's events, for Flower and other monitors
    worker_logs.py  how a worker writes its log      flower.py       what Flower never starts without
    metrics.py      the counters, for Prometheus

Of these, an application's process loads `logs.py` alone.
"""
