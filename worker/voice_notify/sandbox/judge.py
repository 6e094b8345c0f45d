"""The provider's decision about each request, one after another in order of arrival. Pure: time is an argument."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from voice_notify.sandbox import codes
from voice_notify.sandbox.attempt import Attempt
from voice_notify.sandbox.checks import read
from voice_notify.sandbox.faults import MAGIC_NUMBERS, RECOVERS_AFTER, Fault
from voice_notify.sandbox.record import Record, Violation
from voice_notify.sandbox.script import FaultInjector
from voice_notify.sandbox.windows import Windows

if TYPE_CHECKING:
    from voice_notify.sandbox.attempt import Arrival
    from voice_notify.sandbox.checks import Reading, Sent
    from voice_notify.sandbox.config import SandboxConfig
    from voice_notify.sandbox.faults import Action
    from voice_notify.sandbox.script import FaultScript
    from voice_notify.sandbox.windows import Collision


class _Decision(NamedTuple):
    code: int | None
    message: str
    fault: Fault | None = None
    placed: bool = False


class Judge:
    """One provider account: its windows, balance, faults and record.

    `balance` is in billing units. While `account_answer` is a code, every request is answered that code.
    """

    def __init__(self, config: SandboxConfig) -> None:
        self._config = config
        self._windows = Windows(config)
        self.balance = config.balance
        self.account_answer: int | None = None
        self.faults = FaultInjector(config.faults)
        self.record = Record()

    def play(self, script: FaultScript) -> None:
        """Replace the script of faults."""
        self.faults = FaultInjector(script)

    def change_secret(self, secret: str, *, keep_old: bool) -> None:
        """Take requests signed with `secret`, and for now those with the present one too if `keep_old`."""
        old = self._config.app_secret if keep_old else None
        self._config = replace(self._config, app_secret=secret, old_secret=old)

    def arrive(self, sent: Sent, arrival: Arrival) -> Attempt:
        """Decide about a request that has just arrived, and remember it."""
        reading = read(sent, self._config, arrival.epoch)
        collisions = [] if reading.mistake else self._windows.collisions(reading.mobile, arrival.monotonic)
        decision = self._refuse(reading, collisions) or self._serve(reading)
        attempt = Attempt(
            sequence=len(self.record.attempts) + 1,
            arrival=arrival,
            mobile=reading.mobile,
            template_id=reading.template_id,
            param=reading.param,
            units=reading.units if decision.placed else 0,
            **decision._asdict(),
        )
        self._remember(attempt, collisions)
        return attempt

    def _refuse(self, reading: Reading, collisions: list[Collision]) -> _Decision | None:
        if self.account_answer is not None:
            return _answer(self.account_answer)
        if reading.mistake:
            return _Decision(codes.BAD_PARAMETER, reading.mistake)
        if collisions:
            # Where both windows are broken, the daily limit answers: a retry after the gap would meet it.
            return _answer(collisions[-1].window.code)
        return None

    def _serve(self, reading: Reading) -> _Decision:
        action = self._action(reading.mobile)
        if isinstance(action, int):
            return _answer(action)
        if action is not None and not action.places_call:
            return _Decision(None, "", action)
        if reading.units > self.balance:
            return _answer(codes.BALANCE_EXHAUSTED)
        if action in (Fault.HANG, Fault.CUT, Fault.GARBAGE):
            return _Decision(None, "", action, placed=True)
        return _Decision(codes.PLACED, codes.message_of(codes.PLACED), action, placed=True)

    def _action(self, mobile: str) -> Action | None:
        magic = MAGIC_NUMBERS.get(mobile[-4:]) if self._config.magic_numbers else None
        action = self.faults.next_action(mobile) if magic is None else magic
        if action is not Fault.RECOVERS:
            return action
        failures = sum(attempt.code == codes.MAINTENANCE for attempt in self.record.of(mobile))
        return codes.MAINTENANCE if failures < RECOVERS_AFTER else None

    def _remember(self, attempt: Attempt, collisions: list[Collision]) -> None:
        self.record.add(attempt)
        self.record.violations.extend(Violation(attempt, collision) for collision in collisions)
        if attempt.placed:
            self._windows.count(attempt)
            self.balance -= attempt.units


def _answer(code: int) -> _Decision:
    return _Decision(code, codes.message_of(code))
