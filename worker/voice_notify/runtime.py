"""The settings of this process and what is built from them, each made on first use and once."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from voice_notify.core.template import Template, load_templates
from voice_notify.settings import Settings, load_settings
from voice_notify.store.connect import connect
from voice_notify.store.ledger import Ledger


@cache
def settings() -> Settings:
    """The settings, validated."""
    return load_settings()


@cache
def ledger() -> Ledger:
    """The account's ledger."""
    return connect(settings())


@cache
def templates() -> Mapping[str, Template]:
    """The mirrored templates; none where no file is named and the usual one is absent."""
    path = settings().templates_file
    return load_templates(path) if path else {}
