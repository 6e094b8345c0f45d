"""Submits and questions that are awaited, while the event loop goes on."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from typing import TYPE_CHECKING

import pytest

from tests.support.account import other_number
from tests.support.cli import Cli
from voice_notify import BulkResult, InvalidNotification, StoreUnavailable, acancel, aexplain, astatus
from voice_notify.accounts import current_account
from voice_notify.domain.states import State
from voice_notify.producer.in_threads import in_thread

if TYPE_CHECKING:
    from voice_notify.producer.notify_task import TypedNotify


def test_everything_can_be_awaited(cli: Cli, notify: TypedNotify) -> None:
    """It returns what its blocking form returns."""

    async def application() -> None:
        r = await notify.adelay(other_number(1), "453662", ["a", "b"], key="k1")
        assert (await astatus(r.id)).state is State.WAITING
        later = await notify.aapply_async((other_number(2), "453662", ["a", "b"]), countdown=600, task_id="later")
        assert (await aexplain(later.id)).reason == "not_before"
        result: BulkResult = await notify.abulk([(other_number(3), "453662", ["a", "b"]), (other_number(4), "453662")])
        assert (len(result.ids), len(result.refused)) == (1, 1)
        assert await acancel(r.id) is State.WAITING
        with pytest.raises(InvalidNotification):
            await notify.adelay("1", "453662")

    asyncio.run(application())
    assert cli.account.ledger.counts()[State.WAITING] == 2


def test_many_at_once_leave_the_loop_free(cli: Cli, notify: TypedNotify) -> None:
    """300 submits in one handler, and whoever else has to do with the loop has its turns meanwhile."""

    async def application() -> int:
        turns = 0
        submits = [
            asyncio.create_task(notify.adelay(other_number(number), "453662", ["a", "b"])) for number in range(300)
        ]
        while not all(submit.done() for submit in submits):
            await asyncio.sleep(0.001)
            turns += 1
        assert len({(await submit).id for submit in submits}) == 300
        return turns

    assert asyncio.run(application()) > 10
    assert cli.account.ledger.counts()[State.WAITING] == 300


@pytest.mark.usefixtures("cli")
def test_those_behind_a_redis_that_hangs_are_told_when_the_first_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many wait, none waits for the others' patience as well as for its own."""
    monkeypatch.setenv("VOICE_NOTIFY_STORE_TIMEOUT", "0.2")
    current_account.cache_clear()
    free, asked = threading.Event(), []

    def hang() -> None:
        asked.append(True)
        free.wait(30)

    async def application() -> list[BaseException | None]:
        submits = [asyncio.create_task(in_thread(hang)) for _ in range(100)]
        await asyncio.sleep(0.3)
        free.set()
        return await asyncio.gather(*submits, return_exceptions=True)

    ends = asyncio.run(application())
    assert [isinstance(end, StoreUnavailable) for end in ends] == [number >= len(asked) for number in range(100)]
    assert len(asked) == 32


@pytest.mark.usefixtures("cli")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_has_threads_of_its_own() -> None:
    """As under gunicorn with preload."""
    asyncio.run(in_thread(int))
    child = os.fork()
    if child == 0:
        signal.alarm(20)  # else it would hang for ever where this fails
        os._exit(asyncio.run(in_thread(lambda: 7)))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
