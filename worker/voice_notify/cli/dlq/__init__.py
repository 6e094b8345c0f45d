"""`voice-notify dlq`: the dead letters."""
