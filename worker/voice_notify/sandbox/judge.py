"""The provider's decision about each request, in order of arrival. Pure: the time is an argument."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from voice_notify.sandbox import codes
from voice_notify.sandbox.attempt import Attempt
from voice_notify.sandbox.checks import parse_request
from voice_notify.sandbox.fault_script import FaultInjector
from voice_notify.sandbox.faults import FAILURES_BEFORE_RECOVERY, MAGIC_NUMBERS, Fault
from voice_notify.sandbox.request_log import RequestLog, Violation
from voice_notify.sandbox.windows import Windows

if TYPE_CHECKING:
    from voice_notify.sandbox.attempt import Arrival
    from voice_notify.sandbox.checks import ParsedRequest, RawRequest
    from voice_notify.sandbox.config import SandboxConfig
    from voice_notify.sandbox.fault_script import FaultScript
    from voice_notify.sandbox.faults import Action
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
        self.request_log = RequestLog()

    def set_fault_script(self, script: FaultScript) -> None:
        """Replace the script of faults."""
        self.faults = FaultInjector(script)

    def change_secret(self, secret: str, *, keep_old: bool) -> None:
        """Accept requests signed with `secret` from now on; if `keep_old`, also those signed with the one before."""
        old = self._config.app_secret if keep_old else None
        self._config = replace(self._config, app_secret=secret, old_secret=old)

    def arrive(self, raw: RawRequest, arrival: Arrival) -> Attempt:
        """Decide about a request that has just arrived, and log it."""
        request = parse_request(raw, self._config, arrival.epoch)
        collisions = [] if request.mistake else self._windows.collisions(request.mobile, arrival.monotonic)
        decision = self._refuse(request, collisions) or self._place(request)
        attempt = Attempt(
            sequence=len(self.request_log.attempts) + 1,
            arrival=arrival,
            mobile=request.mobile,
            template_id=request.template_id,
            param=request.param,
            units=request.units if decision.placed else 0,
            **decision._asdict(),
        )
        self._log(attempt, collisions)
        return attempt

    def _refuse(self, request: ParsedRequest, collisions: list[Collision]) -> _Decision | None:
        if self.account_answer is not None:
            return _answer(self.account_answer)
        if request.mistake:
            return _Decision(codes.BAD_PARAMETER, request.mistake)
        if collisions:
            # Where both windows are broken, the reply names the daily limit: a retry after the gap would meet it.
            return _answer(collisions[-1].window.code)
        return None

    def _place(self, request: ParsedRequest) -> _Decision:
        action = self._choose_action(request.mobile)
        if isinstance(action, int):
            return _answer(action)
        if action is not None and not action.places_call:
            return _Decision(None, "", action)
        if request.units > self.balance:
            return _answer(codes.BALANCE_EXHAUSTED)
        if action in (Fault.HANG, Fault.CUT, Fault.GARBAGE):
            return _Decision(None, "", action, placed=True)
        return _Decision(codes.PLACED, codes.message_of(codes.PLACED), action, placed=True)

    def _choose_action(self, mobile: str) -> Action | None:
        magic = MAGIC_NUMBERS.get(mobile[-4:]) if self._config.magic_numbers else None
        action = self.faults.next_action(mobile) if magic is None else magic
        if action is not Fault.RECOVERS:
            return action
        failures = sum(attempt.code == codes.MAINTENANCE for attempt in self.request_log.attempts_for(mobile))
        return codes.MAINTENANCE if failures < FAILURES_BEFORE_RECOVERY else None

    def _log(self, attempt: Attempt, collisions: list[Collision]) -> None:
        self.request_log.add(attempt)
        self.request_log.violations.extend(Violation(attempt, collision) for collision in collisions)
        if attempt.placed:
            self._windows.count(attempt)
            self.balance -= attempt.units


def _answer(code: int) -> _Decision:
    return _Decision(code, codes.message_of(code))
