"""The errors that application code can meet; all derive from `VoiceNotifyError`."""


class VoiceNotifyError(Exception):
    """The base of all errors of this package."""


class SettingsError(VoiceNotifyError):
    """A setting is missing, unknown or breaks its rule; the message names the setting, its value and the rule."""


class InvalidNotification(VoiceNotifyError, ValueError):
    """A notification was refused in the caller: `field` breaks `rule`. Nothing was stored."""

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(field, rule)
        self.field = field
        self.rule = rule

    def __str__(self) -> str:
        return f"{self.field}: {self.rule}"


class KeyConflict(VoiceNotifyError):
    """The `key` or `task_id` is known, but with another number, template or variables. Nothing was stored.

    It is a mistake of the caller: the notification would not be called, because the other one has its place.
    """


class LineFull(VoiceNotifyError):
    """The number's line already holds `max_line` open notifications. Nothing was stored."""


class StoreUnavailable(VoiceNotifyError, ConnectionError):
    """Redis could not be reached, even after short retries, or refuses what it is asked.

    After a submit, the caller cannot know whether it was stored: submit again with the same `key` or `task_id`.
    """


class LedgerDamaged(VoiceNotifyError):
    """What Redis holds for one notification is not what the ledger wrote there."""


class NotAllowed(VoiceNotifyError):
    """The Redis user has no right to do that; `deploy/redis-users.acl.in` has the users and their rights."""


class UnknownNotification(VoiceNotifyError, LookupError):
    """No notification has this id: it never existed, or its `retention` is over."""


class NotDelivered(VoiceNotifyError):
    """`result.get()` of a notification that ended `dead` or `expired`: state, reason, code, the provider's message."""

    def __init__(self, state: str, reason: str, code: str, message: str) -> None:
        super().__init__(state, reason, code, message)

    def __str__(self) -> str:
        state, reason, code, message = self.args
        return f"{state} ({reason}) {code} {message}".rstrip()
