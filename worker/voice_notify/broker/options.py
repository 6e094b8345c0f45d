"""The options that Celery's `apply_async` takes."""

from __future__ import annotations

import inspect
from functools import cache

from celery import Celery
from kombu.messaging import Producer


@cache
def options_of_celery() -> frozenset[str]:
    """Their names, as far as Celery and kombu declare them, and those that they only pass on."""
    declared = {
        name for function in (Celery.send_task, Producer.publish) for name in inspect.signature(function).parameters
    }
    return frozenset(declared | {"queue", "ignore_result", "interval", "stamped_headers"})
