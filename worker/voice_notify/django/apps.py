"""What Django looks for in an application."""

from __future__ import annotations

from django.apps import AppConfig
from django.core import checks

from voice_notify.accounts import current_account
from voice_notify.errors import SettingsError


class VoiceNotifyConfig(AppConfig):  # type: ignore[misc] # django has no types
    """`voice_notify.django`: it has no models, and asks no Redis."""

    name = "voice_notify.django"
    label = "voice_notify"
    verbose_name = "Voice notifications"

    def ready(self) -> None:
        """Add to what `manage.py check` looks at."""
        checks.register(check_account)


def check_account(**_: object) -> list[checks.Error]:
    """An error where no notification could be submitted: settings or templates are wrong, or missing."""
    try:
        current_account().templates  # noqa: B018 - it is read
    except SettingsError as error:
        return [checks.Error(str(error), hint="Set VOICE_NOTIFY in Django's settings.", id="voice_notify.E001")]
    return []
