"""The application that `celery -A voice_notify worker` and `celery -A voice_notify flower` look for."""

from voice_notify.broker.application import app

__all__ = ["app"]
