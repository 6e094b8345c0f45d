"""What a run consists of: its size, its notifications, its shrunk windows, its faults. All follows the seed."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from random import Random
from typing import Any, Self

#: The windows, shrunk so that every number meets both of them.
GAP, MAX_CALLS, WINDOW, GUARD = 0.4, 5, 6.0, 0.1
#: How long a request is on its way (seconds): it squeezes calls together at the provider.
NETWORK_DELAY = (0.0, 0.15)
LATENCY = (0.0, 0.03)
#: Who wins a share of the faults.
_FAULTS: dict[int | str, int] = {
    500: 3,
    501: 2,
    609: 2,
    "hang": 2,
    "cut": 2,
    "garbage": 1,
    "cut_before": 1,
    "http_502": 1,
    "http_503": 1,
}


@dataclass(frozen=True, slots=True)
class Plan:
    """The options of a run."""

    notifications: int
    numbers: int
    producers: int
    workers: int
    worker_kills: int
    producer_kills: int
    redis_kills: int
    rolling_restarts: int
    faults: float  #: percent of requests
    seconds: float  #: over which notifications are submitted and processes killed
    seed: int
    calls_per_second: float = 0.0  #: of the account; 0: no limit

    def to_json(self) -> str:
        """Itself, for a producer's command line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The other way."""
        return cls(**json.loads(text))

    def rows(self) -> list[dict[str, Any]]:
        """The notifications, each with a key of its own, which is also its first variable."""
        random = Random(self.seed)  # noqa: S311 - repeatable on purpose
        return [self._row(position, random) for position in range(self.notifications)]

    def _row(self, position: int, random: Random) -> dict[str, Any]:
        row: dict[str, Any] = {
            "mobile": f"139{random.randrange(self.numbers):08d}",
            "template_id": "453662",
            "params": [f"n{position}", "3号楼"],
            "key": f"n{position}",
            "priority": random.choice((0, 0, 0, 5, 9)),
        }
        if random.random() < 0.1:
            row["countdown"] = random.uniform(0.1, 3)
        if random.random() < 0.05:
            row["expires"] = random.uniform(0.5, 5)
        return row

    def fault_script(self) -> str:
        """The sandbox's faults: `self.faults` percent of the requests in all."""
        share = self.faults / sum(_FAULTS.values())
        rules = [{"action": action, "percent": weight * share} for action, weight in _FAULTS.items()]
        return json.dumps({"rules": rules, "latency": LATENCY, "network_delay": NETWORK_DELAY, "seed": self.seed})

    def settings(self) -> dict[str, str]:
        """The settings of producers and workers, without the addresses."""
        settings: dict[str, object] = {
            "min_interval": GAP,
            "max_calls": MAX_CALLS,
            "window": WINDOW,
            "window_guard": GUARD,
            "connect_timeout": 0.5,
            "read_timeout": 1,
            "backoff_base": 0.1,
            "backoff_max": 1,
            "max_attempts": 50,
            "max_unconfirmed": 50,
            "default_expires": 3600,
            "suspect_run": 1000,
        }
        if self.calls_per_second:
            settings["max_calls_per_second"] = self.calls_per_second
        return {f"VOICE_NOTIFY_{name.upper()}": str(value) for name, value in settings.items()}
