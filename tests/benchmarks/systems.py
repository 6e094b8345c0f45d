"""The systems under test and the interpreters that run them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass

_VERSIONS = """
import importlib.metadata, json, sys
print(json.dumps({name: importlib.metadata.version(name) for name in sys.argv[1:]}))
"""


@dataclass(frozen=True, slots=True)
class System:
    """One way to do the job."""

    name: str  #: of its module in `peers`
    label: str
    packages: tuple[str, ...]  #: distributions whose versions matter
    rabbitmq: bool = False  #: whether it needs one
    limits_rate: bool = False  #: whether it can keep a number of calls per second

    @property
    def python(self) -> str:
        """The interpreter of its virtual environment: arq's latest release wants an older redis-py than the others."""
        return os.environ.get(f"BENCH_{self.name.upper()}_PYTHON", sys.executable)

    def versions(self) -> dict[str, str]:
        """The versions of its packages. Raises `subprocess.CalledProcessError` where one is not installed."""
        found = subprocess.run(  # noqa: S603 - our own text
            [self.python, "-c", _VERSIONS, *self.packages], check=True, capture_output=True, text=True
        )
        return dict(json.loads(found.stdout))


VOICE_DELAY = System("voice_delay", "voice-notify, delay", ("voice-notify", "celery", "redis"))
VOICE_BULK = System("voice_bulk", "voice-notify, bulk", ("voice-notify", "celery", "redis"))
VOICE_PARKED = System("voice_parked", "voice-notify, parked", ("voice-notify", "celery", "redis"))
CELERY = System("celery", "Celery, naive", ("celery", "redis", "requests"))
BARE = System("bare", "bare loop, no queue", ("redis", "requests"))

#: Those that are compared.
SYSTEMS = {
    system.name: system
    for system in (
        VOICE_DELAY,
        VOICE_BULK,
        BARE,
        System("huey", "huey", ("huey", "redis", "requests")),
        System("dramatiq", "dramatiq", ("dramatiq", "redis", "requests")),
        System("taskiq", "taskiq", ("taskiq", "taskiq-redis", "redis", "aiohttp", "uvloop")),
        CELERY,
        System("arq", "arq", ("arq", "redis", "aiohttp", "uvloop")),
        System("rq", "RQ", ("rq", "redis", "requests")),
    )
}
OURS = (VOICE_DELAY.name, VOICE_BULK.name)

VOICE_PRIORITY = System("priority.voice", "voice-notify", ("voice-notify", "celery", "redis"), limits_rate=True)

#: Those that know priorities.
WITH_PRIORITIES = {
    system.name.removeprefix("priority."): system
    for system in (
        VOICE_PRIORITY,
        System("priority.huey", "huey (Redis)", ("huey", "redis", "requests"), limits_rate=True),
        System("priority.celery_redis", "Celery (Redis)", ("celery", "redis", "requests")),
        System("priority.celery_rabbitmq", "Celery (RabbitMQ)", ("celery", "amqp", "requests"), rabbitmq=True),
        System("priority.dramatiq", "dramatiq (RabbitMQ)", ("dramatiq", "pika", "requests"), rabbitmq=True),
        System("priority.taskiq", "taskiq (RabbitMQ)", ("taskiq", "taskiq-aio-pika", "aiohttp"), rabbitmq=True),
    )
}
