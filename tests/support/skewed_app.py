"""`celery -A tests.support.skewed_app worker`: the application on a host whose clock is `SKEW` seconds off."""

from __future__ import annotations

import os
import time

_SKEW = float(os.environ["SKEW"])
_true_time, _true_time_ns = time.time, time.time_ns

# Before anything is imported that might keep a reference to the true ones.
time.time = lambda: _true_time() + _SKEW
time.time_ns = lambda: _true_time_ns() + round(_SKEW * 1e9)

from voice_notify.celery import app  # noqa: E402

__all__ = ["app"]
