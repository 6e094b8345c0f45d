"""The shop's own Celery application, on a broker of its own."""

from celery import Celery

from voice_notify import notify

app = Celery("shop")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@app.on_after_finalize.connect  # type: ignore[untyped-decorator] # celery has no types
def know_notify(sender: Celery, **_: object) -> None:
    """Have beat and links submit by themselves: a task that this application does not know goes to its own broker."""
    sender.tasks.register(notify)
