"""The account that a process works for: its settings, its ledger and its templates, made once and passed on."""

from __future__ import annotations

from functools import cache, cached_property
from typing import TYPE_CHECKING

from voice_notify.domain.template import Template, load_templates
from voice_notify.ledger.connect import connect
from voice_notify.settings import Settings, load_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voice_notify.ledger.ledger import Ledger


class Account:
    """One account: whoever works for it is given this. Each part is made when it is first asked for."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def ledger(self) -> Ledger:
        """The account's ledger."""
        return connect(self.settings)

    @cached_property
    def templates(self) -> Mapping[str, Template]:
        """The mirrored templates; none where no file is named and the usual one is absent."""
        path = self.settings.templates_file
        return load_templates(path) if path else {}


@cache
def current_account() -> Account:
    """The account that this process's settings name. Raises `SettingsError`, and reads them again when asked again."""
    return Account(load_settings())
