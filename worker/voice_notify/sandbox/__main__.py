"""`python -m voice_notify.sandbox`."""

from voice_notify.sandbox.command import sandbox

sandbox(prog_name="voice-notify sandbox")
