"""The Celery application: `celery -A voice_notify worker`, `celery -A voice_notify flower`.

A message is a doorbell that may be lost, repeated or late; the ledger is the truth. So nothing here waits inside
Celery: no ETA, no long visibility timeout, no result that matters.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any, TypeVar

import click
from celery import Celery, bootsteps, signals
from celery.loaders.app import AppLoader
from kombu.entity import Queue

from voice_notify.core.policy import RetryPolicy
from voice_notify.errors import SettingsError
from voice_notify.events import events, follow
from voice_notify.flower import secure_flower
from voice_notify.pump import Pump
from voice_notify.runtime import settings
from voice_notify.settings import LogFormat, Settings
from voice_notify.shared import Flag
from voice_notify.store.connect import connect

_T = TypeVar("_T")

#: Rings under way for each worker process: one being answered, one at hand.
_RINGS_PER_PROCESS = 2
#: Most lines in a ring, for each call that a process has in flight.
_LINES_PER_CALL = 6


class SettingsLoader(AppLoader):  # type: ignore[misc] # celery has no types
    """Takes Celery's configuration from the settings when Celery first asks, and again if they were wrong."""

    def read_configuration(self, *_: object, **__: object) -> dict[str, Any]:
        """Celery's configuration."""
        return configuration()

    def import_default_modules(self) -> Any:  # noqa: ANN401
        """Declare the tasks. Flower asks for them too, when it has read its options and before it listens."""
        secure_flower()
        return super().import_default_modules()


app = Celery(
    "voice_notify",
    set_as_current=False,
    loader=SettingsLoader,
    log="voice_notify.worker_logs:WorkerLogging",
    include=["voice_notify.tasks"],
)


def queue_name(app_id: str) -> str:
    """The queue of an account: two accounts may share a broker, and must not answer each other's rings."""
    return f"voice-notify.{app_id}"


def retry_policy(of: Settings) -> RetryPolicy:
    """The operator's choices about what follows an attempt."""
    return RetryPolicy(of.max_attempts, of.backoff_base, of.backoff_max, of.on_unconfirmed, of.max_unconfirmed)


#: A publish that the broker did not take is an error, and so is one that it does not confirm in time: out of memory or
#: without a quorum it answers nothing.
_AMQP_OPTIONS = {"confirm_publish": True, "read_timeout": 3, "write_timeout": 3}
_QUORUM = {"x-queue-type": "quorum"}
#: A dead connection is noticed soon, and a ring popped by a worker that died comes back soon.
_REDIS_OPTIONS = {"socket_timeout": 5, "socket_connect_timeout": 2, "socket_keepalive": True, "visibility_timeout": 60}


#: Whether this worker was told to stop: what it has not begun goes back.
stopping = Flag()


class WorkerSettingsError(SettingsError, click.ClickException):
    """A `SettingsError` that Celery's command line shows as one message, without a traceback."""


def _shown_in_one_line(read: Callable[[], _T]) -> _T:
    """What `read` returns; wrong settings become a `WorkerSettingsError`."""
    try:
        return read()
    except SettingsError as error:
        raise WorkerSettingsError(str(error)) from error


def configuration() -> dict[str, Any]:
    """Celery's configuration, as the settings have it."""
    configured = _shown_in_one_line(settings)
    url, queue = configured.effective_broker_url, queue_name(configured.app_id)
    amqp = url.startswith("amqp")
    return {
        "broker_url": url,
        "broker_use_ssl": _broker_tls(url),
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_connection_timeout": 2,
        "broker_transport_options": _AMQP_OPTIONS if amqp else _REDIS_OPTIONS,
        "task_queues": [Queue(queue, queue_arguments=_QUORUM if amqp else None)],  # type: ignore[no-untyped-call]
        "task_default_queue": queue,
        "task_serializer": "json",
        "accept_content": ["json"],
        "task_ignore_result": True,
        "result_backend": "voice_notify.results:LedgerBackend",
        "worker_consumer": "voice_notify.consumer:Consumer",
        "worker_prefetch_multiplier": 1,
        "worker_cancel_long_running_tasks_on_connection_loss": False,
    }


def _broker_tls(url: str) -> dict[str, Any] | bool:
    """Certificates are verified; kombu's own default for rediss:// verifies nothing."""
    if url.startswith("amqps:"):
        return {"cert_reqs": ssl.CERT_REQUIRED, "server_hostname": None}  # None: of the URL
    return {"ssl_cert_reqs": ssl.CERT_REQUIRED} if url.startswith("rediss:") else False


class PumpStep(bootsteps.StartStopStep):  # type: ignore[misc] # celery has no types
    """Runs the pump in the worker's main process, with a Redis client of its own, while the worker runs."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, **options: Any) -> None:  # noqa: ANN401, ARG002 - celery's signature
        self.pump: Pump | None = None
        follow(worker)
        # A worker without a secret stops here, not at its first call.
        _shown_in_one_line(settings().read_app_secret)

    def start(self, worker: Any) -> None:  # noqa: ANN401
        """Begin to ring."""
        stopping.set(False)
        configured = settings()
        processes = worker.concurrency if worker.pool_cls.__module__.endswith("prefork") else 1
        self.pump = Pump(
            connect(configured),
            _ring,
            retry_policy(configured),
            worker=worker.hostname,
            lines=(configured.calls_in_flight, _LINES_PER_CALL * configured.calls_in_flight),
            rings=_RINGS_PER_PROCESS * processes,
            events=events(app),
            stopping=stopping.is_set,
        )
        self.pump.start()

    def stop(self, worker: Any) -> None:  # noqa: ANN401, ARG002
        """Ring no more; what is begun is finished by the pool."""
        if self.pump:
            self.pump.stop()

    terminate = stop


app.steps["worker"].add(PumpStep)


@signals.worker_shutting_down.connect(weak=False)  # type: ignore[untyped-decorator] # celery has no types
def _begin_nothing_more(**_: object) -> None:
    stopping.set()


@signals.celeryd_init.connect(weak=False)  # type: ignore[untyped-decorator] # celery has no types
def _leave_out_banner(instance: Any, **_: object) -> None:  # noqa: ANN401
    """What reads JSON lines has no use for a banner."""
    if instance.app is app and _shown_in_one_line(settings).log_format is LogFormat.JSON:
        instance.quiet = True


def _ring(ids: Any, ring: str) -> None:  # noqa: ANN401
    from voice_notify.tasks import send_ring  # noqa: PLC0415 - tasks are declared on this application

    send_ring(ids, ring)
