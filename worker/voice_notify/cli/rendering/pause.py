"""A pause of the account in a sentence."""

from __future__ import annotations

from voice_notify.cli.rendering.times import show_time
from voice_notify.documents.pause import PauseDocument


def show_pause(pause: PauseDocument) -> str:
    """Why, since when, and what ends it."""
    why = f"{pause.reason} {pause.message}".rstrip()
    end = "until a person resumes it" if pause.until is None else f"one call probes it at {show_time(pause.until)}"
    return f"paused ({why}) since {show_time(pause.since)}, {end}"
