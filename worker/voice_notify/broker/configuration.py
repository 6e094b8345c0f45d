"""Celery's configuration, as the settings have it: the broker, the queue, and what never waits in them."""

from __future__ import annotations

import ssl
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

import click
from celery.loaders.app import AppLoader
from kombu.entity import Queue

from voice_notify.accounts import current_account
from voice_notify.errors import SettingsError
from voice_notify.extras import not_installed

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")

#: A publish that the broker did not take is an error, and so is one that it does not confirm in time: out of memory or
#: without a quorum it answers nothing.
_AMQP_OPTIONS = {"confirm_publish": True, "read_timeout": 3, "write_timeout": 3}
_QUORUM = {"x-queue-type": "quorum"}
#: A dead connection is noticed soon, and a message taken by a worker that died comes back soon.
_REDIS_OPTIONS = {"socket_timeout": 5, "socket_connect_timeout": 2, "socket_keepalive": True, "visibility_timeout": 60}


class SettingsLoader(AppLoader):  # type: ignore[misc] # celery has no types
    """Takes Celery's configuration from the settings when Celery first asks, and again if they were wrong."""

    def read_configuration(self, *_: object, **__: object) -> dict[str, Any]:
        """Celery's configuration."""
        return configuration()

    def on_worker_init(self) -> None:
        """Have a worker end with one line where it is installed as applications are."""
        try:
            import_module("voice_notify.delivery.bootstep")
        except ModuleNotFoundError as error:
            raise not_installed(error, "worker") from error

    def import_default_modules(self) -> Any:  # noqa: ANN401
        """Declare the tasks. Flower asks for them too, when it has read its options and before it listens."""
        from voice_notify.monitoring.flower import secure_flower  # noqa: PLC0415 - no producer's

        secure_flower()
        return super().import_default_modules()


class WorkerSettingsError(SettingsError, click.ClickException):
    """A `SettingsError` that Celery's command line shows as one message, without a traceback."""


def shown_in_one_line(read: Callable[[], _T]) -> _T:
    """What `read` returns; wrong settings become a `WorkerSettingsError`."""
    try:
        return read()
    except SettingsError as error:
        raise WorkerSettingsError(str(error)) from error


def queue_name(app_id: str) -> str:
    """The queue of an account: two accounts may share a broker, and must not take each other's messages."""
    return f"voice-notify.{app_id}"


def configuration() -> dict[str, Any]:
    """Celery's configuration. Raises `WorkerSettingsError`."""
    settings = shown_in_one_line(lambda: current_account().settings)
    url, queue = settings.effective_broker_url, queue_name(settings.app_id)
    amqp = url.startswith("amqp")
    return {
        "broker_url": url,
        "broker_use_ssl": _broker_tls(url),
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        # A refusal, as after a slip in an ACL file, is waited out too: a worker that ends knows no outcomes any more.
        "broker_channel_error_retry": True,
        "broker_connection_timeout": 2,
        "broker_transport_options": _AMQP_OPTIONS if amqp else _REDIS_OPTIONS,
        "task_queues": [Queue(queue, queue_arguments=_QUORUM if amqp else None)],  # type: ignore[no-untyped-call]
        "task_default_queue": queue,
        "task_serializer": "json",
        "accept_content": ["json"],
        "task_ignore_result": True,
        "result_backend": "voice_notify.producer.results:LedgerBackend",
        "worker_consumer": "voice_notify.delivery.celery_fixes:Consumer",
        "worker_prefetch_multiplier": 1,
        "worker_cancel_long_running_tasks_on_connection_loss": False,
    }


def _broker_tls(url: str) -> dict[str, Any] | bool:
    """Certificates are verified; kombu's own default for rediss:// verifies nothing."""
    if url.startswith("amqps:"):
        return {"cert_reqs": ssl.CERT_REQUIRED, "server_hostname": None}  # None: of the URL
    return {"ssl_cert_reqs": ssl.CERT_REQUIRED} if url.startswith("rediss:") else False
