"""The slots of one process: how many calls may begin, how long its dispatcher sleeps, and who ends that."""

from __future__ import annotations

import threading

from tests.support.sandbox import PATIENCE_SECONDS
from voice_notify.delivery.slots import Room, Slots


def in_thread(what: object) -> threading.Thread:
    """Do it in another thread."""
    thread = threading.Thread(target=what, daemon=True)  # type: ignore[arg-type]
    thread.start()
    return thread


def ends(thread: threading.Thread) -> bool:
    """Whether what it does comes to an end."""
    thread.join(PATIENCE_SECONDS)
    return not thread.is_alive()


def test_reserved_slots_are_for_urgent_calls() -> None:
    """They come on top of the ordinary ones, and ordinary calls leave them free."""
    slots = Slots(2, 1)
    assert slots.room == Room(3, 2)
    slots.use(2)
    assert slots.room == Room(1, 0)
    slots.use(1)
    assert slots.room == Room(0, 0)
    slots.give_back()
    assert slots.room == Room(1, 0)


def test_room_is_waited_for() -> None:
    """Where no slot is free, until one is."""
    slots = Slots(1)
    slots.use(1)
    found: list[Room] = []
    waiting = in_thread(lambda: found.append(slots.wait_for_room()))
    waiting.join(0.05)
    assert waiting.is_alive()
    slots.give_back()
    assert ends(waiting)
    assert found == [Room(1, 1)]


def test_a_wakeup_ends_the_sleep_or_the_next_one() -> None:
    """One that comes a moment too early is not lost."""
    slots = Slots(1)
    sleeping = in_thread(lambda: slots.sleep(PATIENCE_SECONDS * 2, for_ordinary=False))
    assert slots.wait_until_asleep()
    slots.wake()
    assert ends(sleeping)
    slots.wake()
    assert ends(in_thread(lambda: slots.sleep(PATIENCE_SECONDS * 2, for_ordinary=False)))


def test_a_slot_for_ordinary_calls_ends_the_sleep_of_one_that_has_none() -> None:
    """A reserved one that comes free does not: there is nothing for it."""
    slots = Slots(1, 1)
    slots.use(2)
    slots.give_back()
    sleeping = in_thread(lambda: slots.sleep(PATIENCE_SECONDS * 2, for_ordinary=True))
    assert slots.wait_until_asleep()
    sleeping.join(0.05)
    assert sleeping.is_alive()
    slots.give_back()
    assert ends(sleeping)


def test_once_closed_there_is_no_room_and_no_sleep() -> None:
    """Every wait ends."""
    slots = Slots(1)
    slots.use(1)
    found: list[object] = []
    waits = [
        in_thread(lambda: found.append(slots.wait_for_room())),
        in_thread(lambda: slots.sleep(PATIENCE_SECONDS * 2, for_ordinary=False)),
    ]
    slots.close()
    assert all(ends(each) for each in waits)
    assert found == [Room(0, 0)]
    assert not slots.wait_until_asleep()


def test_a_stop_waits_for_the_calls_in_flight() -> None:
    """Until each has given its slot back, also after the slots were closed."""
    slots = Slots(1, 1)
    slots.use(2)
    slots.close()
    waiting = in_thread(slots.wait_until_free)
    slots.give_back()
    waiting.join(0.05)
    assert waiting.is_alive()
    slots.give_back()
    assert ends(waiting)
