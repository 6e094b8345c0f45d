"""The account that a process works for: its settings, its ledger and its templates, made once and passed on."""

from __future__ import annotations

import os
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
        self._connected: tuple[int, Ledger] | None = None

    @property
    def ledger(self) -> Ledger:
        """The account's ledger, with connections that are this process's own.

        redis-py has locks, which a process that is forked while another thread has one would wait for, for ever or
        until `ChildDeadlockedError`. There is none here either: that two threads connect at once does no harm.
        """
        process = os.getpid()
        connected = self._connected
        if connected is None or connected[0] != process:
            connected = self._connected = (process, connect(self.settings))
        return connected[1]

    @cached_property
    def templates(self) -> Mapping[str, Template]:
        """The mirrored templates; none where no file is named and the usual one is absent."""
        path = self.settings.templates_file
        return load_templates(path) if path else {}


@cache
def current_account() -> Account:
    """The account that this process's settings name. Raises `SettingsError`, and reads them again when asked again."""
    return Account(load_settings())
