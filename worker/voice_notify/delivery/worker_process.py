"""What one worker delivers with: switches that all its processes share, and in each process calls and events."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from voice_notify.accounts import Account
from voice_notify.concurrency.shared_flag import SharedFlag
from voice_notify.delivery.calls import Calls
from voice_notify.delivery.redeliveries import Redeliveries
from voice_notify.delivery.set_aside import SetAside
from voice_notify.delivery.spool import Spool
from voice_notify.delivery.timestamps import Timestamps
from voice_notify.domain.retry import RetryPolicy
from voice_notify.errors import SettingsError
from voice_notify.ledger.broker_messages import BrokerMessages
from voice_notify.monitoring.task_events import EventSwitch, TaskEvents
from voice_notify.provider.client import ProviderClient
from voice_notify.settings.model import variable_of

if TYPE_CHECKING:
    from celery import Celery

    from voice_notify.settings import Settings


class WorkerProcess:
    """Made in the main process before its pool is forked; every process of the pool then has its own."""

    def __init__(self, app: Celery, settings: Settings, hostname: str, *, task_events: bool) -> None:
        # Not the application's account, which a task may use: its connections are not to be carried through a fork.
        self.account = Account(settings)
        self.policy = retry_policy(self.account.settings)
        self.spool = _spool(self.account.settings)
        self.stopping = SharedFlag()  #: whether this worker was told to stop: it begins nothing more
        self.event_switch = EventSwitch(hostname, wanted=task_events)
        self.timestamps = Timestamps()  # a process that is forked later knows what time it was when the worker began
        self._app = app
        self._hostname = hostname
        self._making = threading.RLock()  # Celery's thread pool may ask twice at once
        self._main_process = os.getpid()
        self._process = 0
        self._events: TaskEvents | None = None
        self._calls: Calls | None = None

    @property
    def is_of_pool(self) -> bool:
        """Whether this is a process of the pool, and not the worker's main process."""
        return os.getpid() != self._main_process

    @property
    def events(self) -> TaskEvents:
        """The task events of this process."""
        with self._making:
            self._leave_parents_things()
            if self._events is None:
                self._events = TaskEvents(self._app, self.event_switch)
            return self._events

    @property
    def set_aside(self) -> SetAside:
        """Where this worker leaves messages that it cannot process."""
        return SetAside(BrokerMessages(self.account.ledger.scripts), worker=self._hostname)

    @property
    def redeliveries(self) -> Redeliveries:
        """How often messages have come again."""
        return Redeliveries(BrokerMessages(self.account.ledger.scripts))

    def start(self) -> None:
        """Begin to call in this process, after the fork, with connections of its own."""
        with self._making:
            self._leave_parents_things()
            if self._calls is None:
                self._calls = self._make_calls()
                self._calls.start()

    def finish(self) -> None:
        """Finish what is on the wire, and tell monitors of it."""
        with self._making:
            self._leave_parents_things()
            if self._calls:
                self._calls.close()
            if self._events:
                self._events.close()

    def _make_calls(self) -> Calls:
        settings = self.account.settings
        provider = ProviderClient(
            base_url=settings.base_url,
            app_id=settings.app_id,
            app_secret=settings.read_app_secret,
            connect_timeout=settings.connect_timeout,
            read_timeout=settings.read_timeout,
        )
        return Calls(
            self.account.ledger,
            provider,
            self.policy,
            self.events,
            self.timestamps,
            in_flight=settings.calls_in_flight,
            reserved=settings.reserved_calls,
            stopping=self.stopping.is_set,
            spool=self.spool,
        )

    def _leave_parents_things(self) -> None:
        if self._process != os.getpid():
            self._process, self._events, self._calls = os.getpid(), None, None
            self.account = Account(self.account.settings)


def _spool(settings: Settings) -> Spool | None:
    if settings.spool is None:
        return None
    spool = Spool(settings.spool, settings.app_id)
    try:
        spool.prepare()
    except OSError as error:
        raise SettingsError(f"spool: {error} ({variable_of('spool')})") from None
    return spool


def retry_policy(settings: Settings) -> RetryPolicy:
    """The operator's choices about what follows an attempt."""
    return RetryPolicy(
        settings.max_attempts,
        settings.backoff_base,
        settings.backoff_max,
        settings.on_unconfirmed,
        settings.max_unconfirmed,
    )
