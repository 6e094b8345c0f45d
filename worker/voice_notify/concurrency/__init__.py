"""Threads and forked processes: what runs beside the rest, and what they share."""
