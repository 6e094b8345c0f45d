"""The provider's signature (PROVIDER.md, Request)."""

from __future__ import annotations

import hashlib


def sign(app_id: str, secret: str, timestamp_ms: int) -> str:
    """The lower-case SHA-256 digest of account, secret and time (milliseconds since the epoch), joined plainly."""
    return hashlib.sha256(f"{app_id}{secret}{timestamp_ms}".encode()).hexdigest()
