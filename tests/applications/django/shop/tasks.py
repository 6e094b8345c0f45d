"""The shop's own tasks."""

from celery import shared_task

from voice_notify import notify


@shared_task  # type: ignore[untyped-decorator] # celery has no types
def remind(mobile: str) -> str:
    """Call a customer, from a worker of the shop."""
    return str(notify.delay(mobile, "453662", ["张三", "3号楼"]).id)


@shared_task  # type: ignore[untyped-decorator] # celery has no types
def count() -> int:
    """Count what is in stock."""
    return 5
