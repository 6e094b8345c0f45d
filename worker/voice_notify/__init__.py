"""Voice notifications that ring once: `notify.delay(mobile, template_id, params)`.

The names below are the public surface. They are loaded on first use, so that a part of the package
(`voice_notify.domain`, `voice_notify.sandbox`) can be imported without Celery or Redis.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from voice_notify.errors import (
        InvalidNotification,
        KeyConflict,
        LedgerDamaged,
        LineFull,
        NotAllowed,
        NotDelivered,
        SettingsError,
        StoreUnavailable,
        UnknownNotification,
        VoiceNotifyError,
    )
    from voice_notify.ledger.explanation import Explanation
    from voice_notify.ledger.notifications import Record
    from voice_notify.producer.bulk import BulkInterrupted, BulkResult, RowsFailed
    from voice_notify.producer.notify_task import notify
    from voice_notify.producer.queries import acancel, aexplain, astatus, cancel, explain, status
    from voice_notify.producer.results import NotifyResult

__version__ = "0.1.0"
__all__ = [
    "BulkInterrupted",
    "BulkResult",
    "Explanation",
    "InvalidNotification",
    "KeyConflict",
    "LedgerDamaged",
    "LineFull",
    "NotAllowed",
    "NotDelivered",
    "NotifyResult",
    "Record",
    "RowsFailed",
    "SettingsError",
    "StoreUnavailable",
    "UnknownNotification",
    "VoiceNotifyError",
    "acancel",
    "aexplain",
    "astatus",
    "cancel",
    "explain",
    "notify",
    "status",
]

_HOMES = {
    "BulkInterrupted": "producer.bulk",
    "BulkResult": "producer.bulk",
    "Explanation": "ledger.explanation",
    "NotifyResult": "producer.results",
    "Record": "ledger.notifications",
    "RowsFailed": "producer.bulk",
    "notify": "producer.notify_task",
    "status": "producer.queries",
    "explain": "producer.queries",
    "cancel": "producer.queries",
    "acancel": "producer.queries",
    "aexplain": "producer.queries",
    "astatus": "producer.queries",
}


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])


if not TYPE_CHECKING:  # which would take any name for one of ours

    def __getattr__(name: str) -> Any:  # noqa: ANN401 - as varied as the names
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_HOMES.get(name, 'errors')}"), name)
