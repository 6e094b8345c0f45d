"""A shop on Django, with a Celery application of its own."""

from shop.celery import app

__all__ = ["app"]
