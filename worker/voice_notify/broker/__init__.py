"""What goes through the broker: the Celery application, its configuration, wake-ups."""
