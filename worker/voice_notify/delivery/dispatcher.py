"""The dispatcher of one process: whenever a call can begin, asks the ledger which one is next."""

from __future__ import annotations

import secrets
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

from voice_notify.errors import NotAllowed, StoreUnavailable
from voice_notify.ledger.ledger import Ledger, Wakeup
from voice_notify.monitoring.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable

    from voice_notify.delivery.monitor import Monitor
    from voice_notify.delivery.slots import Room, Slots
    from voice_notify.delivery.timestamps import Timestamps
    from voice_notify.ledger.ledger import Grant, Granted

log = get_logger(__name__)

#: The longest sleep of a process that nobody wakes. A sweep wakes one for what was overlooked (`sweeper.py`).
_LONGEST_SLEEP_S = 5.0
#: How long one command waits for a wake-up at most; less, where the ledger's connection has less patience.
_WAIT_FOR_WAKEUP_S = 3.0
#: The same, and the longest sleep, while only urgent wake-ups are heard although there is room for ordinary calls.
_NARROW_WAIT_S = 1.0
_NARROW_SLEEP_S = 0.05
#: The least time between two looks where nothing is left to begin: what becomes due meanwhile is begun together, rather
#: than after a wake-up each.
_LOOK_INTERVAL_S = 0.004
_PAUSE_AFTER_TROUBLE_S = 1.0


class Begun(NamedTuple):
    """A call that was granted, and the `time.monotonic()` just before the grant was asked for."""

    grant: Grant
    asked_at: float


class Dispatcher:
    """Two threads of a process: one begins calls as slots come free, the other listens for wake-ups while that sleeps.

    Nothing is held ready: the choice is made when a call can begin, so an urgent one waits for one slot at most.
    """

    def __init__(  # noqa: PLR0913 - what it brings together
        self,
        ledger: Ledger,
        slots: Slots,
        begin: Callable[[Begun], None],
        monitor: Monitor,
        timestamps: Timestamps,
        *,
        stopping: Callable[[], bool],
    ) -> None:
        self._ledger = ledger
        self._slots = slots
        self._begin = begin
        self._monitor = monitor
        self._timestamps = timestamps
        self._stopping = stopping
        self._process = secrets.token_hex(6)
        self._request = 1
        self._hears_ordinary = True
        self._closed = False
        self._threads = [
            threading.Thread(target=run, name=name, daemon=True)
            for name, run in (("dispatcher", self._dispatch), ("wake-ups", self._listen))
        ]

    def start(self) -> None:
        """Begin calls until closed; an outage of Redis is waited out."""
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Begin nothing more. What was begun goes on."""
        self._closed = True
        self._slots.close()
        self._threads[0].join()

    def turn(self, room: Room) -> float:
        """Begin what may begin now. Returns for how many seconds to sleep before the next look, unless woken."""
        asked_at = time.monotonic()
        granted = self._ledger.grant(room.most, ordinary=room.ordinary, process=self._process, request=self._request)
        # Only now: while no reply has come, the request is repeated, and grants the same calls.
        self._request += 1
        self._timestamps.see(granted.server_now_ms)
        self._slots.use(len(granted.grants))
        self._tell(granted)
        for grant in granted.grants:
            self._begin(Begun(grant, asked_at))
        is_full = bool(granted.grants) and len(granted.grants) >= room.ordinary
        if is_full or granted.idle_ms == 0:
            return 0.0
        time.sleep(_LOOK_INTERVAL_S)
        if granted.grants:
            return 0.0
        return _LONGEST_SLEEP_S if granted.idle_ms is None else granted.idle_ms / 1000

    def _tell(self, granted: Granted) -> None:
        if granted.grants:
            self._monitor.begun(granted.grants)
        if granted.expired:
            self._monitor.expired(granted.expired)
            for id_ in granted.expired:
                log.info("expired", id=id_)
        for damage in granted.damaged:
            log.error("no call in a damaged line", error=str(damage))

    def _dispatch(self) -> None:
        while not self._closed:
            room = self._slots.wait_for_room()
            if not room.most:
                return
            wait = _LONGEST_SLEEP_S if self._stopping() else self._try_to_turn(room)
            if wait:
                if room.ordinary and not self._hears_ordinary:
                    wait = min(wait, _NARROW_SLEEP_S)
                self._slots.sleep(min(wait, _LONGEST_SLEEP_S), for_ordinary=not room.ordinary)

    def _try_to_turn(self, room: Room) -> float:
        try:
            return self.turn(room)
        except (StoreUnavailable, NotAllowed) as error:
            log.warning("the dispatcher waits for Redis", error=str(error))
            return _PAUSE_AFTER_TROUBLE_S
        except Exception:
            log.exception("no calls begun")
            return _PAUSE_AFTER_TROUBLE_S

    def _listen(self) -> None:
        # A process that stops leaves wake-ups to the others.
        while self._slots.wait_until_asleep() and not self._stopping():
            self._hears_ordinary = self._slots.room.ordinary > 0
            try:
                self._hear()
            except (StoreUnavailable, NotAllowed) as error:
                log.debug("no wake-ups without Redis", error=str(error))
                time.sleep(_PAUSE_AFTER_TROUBLE_S)
            except Exception:
                log.exception("no wake-ups heard")
                time.sleep(_PAUSE_AFTER_TROUBLE_S)

    def _hear(self) -> None:
        kinds = [Wakeup.URGENT, Wakeup.ORDINARY] if self._hears_ordinary else [Wakeup.URGENT]
        heard = self._ledger.wait_for_wakeup(kinds, _WAIT_FOR_WAKEUP_S if self._hears_ordinary else _NARROW_WAIT_S)
        if heard is None:
            return
        room = self._slots.room
        if self._closed or self._stopping() or not (room.most if heard is Wakeup.URGENT else room.ordinary):
            self._ledger.wake(heard)  # another process has room, or will look when it has
        self._slots.wake()
