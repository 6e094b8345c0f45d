"""What goes through the broker: the Celery application and its configuration."""
