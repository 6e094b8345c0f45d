"""One system with many notifications that wait, and urgent ones that are submitted amid them."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from tests.benchmarks.bench import Bench
from tests.benchmarks.job import CALLS_IN_FLIGHT
from tests.benchmarks.producer import Producer, mobile_of
from tests.benchmarks.recording_provider import RecordingProvider
from tests.benchmarks.systems import VOICE_PRIORITY, System

#: Calls in flight, of all processes together.
SLOTS = 2 * CALLS_IN_FLIGHT
#: How far replies stray from the delay. Replies that all took as long would free all slots at once, round after round.
SPREAD = 0.5

_URGENT_FIRST = 500_000_000
_START_DELAY_SECONDS = 1.0
_START_PATIENCE_SECONDS = 60
_STEADY_SECONDS = 3
_LEAST_PAUSE_SECONDS = 0.05
_POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured of each system."""

    sizes: Sequence[int]  #: how many wait
    rates: Sequence[int]  #: calls per second that are allowed; 0: no limit
    delays: Sequence[float]  #: of the provider's replies, seconds
    urgent: int  #: notifications at each delay
    patience: float  #: seconds until missing ones are given up


@dataclass(frozen=True, slots=True)
class Measured:
    """What became of the urgent notifications of one system under the same conditions."""

    system: str
    waiting: int  #: when its workers started
    rate: int  #: calls per second that are allowed; 0: no limit
    delay: float  #: of the provider's replies, seconds
    seconds: Sequence[float]  #: from the submit to the request's arrival; of a missing one, until it was given up
    missing: int
    most_in_flight: int
    calls_per_second: float
    waiting_in_the_end: int


class Crowd:
    """What waits stays from one measurement to the next, and is filled up.

    Except for voice-notify's ledger, which begins anew: it would wait for the calls of the workers that were killed.
    """

    def __init__(self, bench: Bench, provider: RecordingProvider, system: System, plan: Plan) -> None:
        self._bench = bench
        self._provider = provider
        self._system = system
        self._plan = plan
        self._submitted = self._waiting = self._urgent = 0
        self._arrivals: dict[str, float] = {}
        self._most_in_flight = 0

    def measure(self) -> Iterator[Measured]:
        """All that is planned; a rate only where the system can keep one."""
        for waiting in sorted(self._plan.sizes):
            for rate in self._plan.rates:
                if not rate or self._system.limits_rate:
                    yield from self._measure_delays(waiting, rate)

    def _measure_delays(self, waiting: int, rate: int) -> Iterator[Measured]:
        """With one set of workers; the longest delay first, at which the fewest of those that wait are called."""
        self._fill(waiting)
        first = _URGENT_FIRST + self._urgent
        bench = _with_rate(self._bench, rate)
        with bench.workers(self._system), bench.producer(self._system, first=first, urgent=True) as producer:
            self._provider.reply_after(last := _START_DELAY_SECONDS, SPREAD)
            self._wait_until_busy(rate)
            self._submit(producer, 0)  # opens the producer's connections
            for delay in sorted(self._plan.delays, reverse=True):
                self._provider.reply_after(delay, SPREAD)
                time.sleep((1 + SPREAD) * last)  # until every slot has gone over to the new delay
                last = delay
                self._look()
                self._most_in_flight = 0
                before, began = len(self._arrivals), time.monotonic()
                submitted = dict(self._submit(producer, delay) for _ in range(self._plan.urgent))
                seconds, missing = self._wait_for(submitted)
                calls = (len(self._arrivals) - before) / (time.monotonic() - began)
                yield Measured(
                    *(self._system.name, waiting, rate, delay, seconds, missing),
                    *(self._most_in_flight, calls, self._waiting),
                )

    def _fill(self, waiting: int) -> None:
        if self._system is VOICE_PRIORITY:
            self._bench.empty()
            self._waiting = 0
        number = max(0, waiting - self._waiting)
        with self._bench.producer(self._system, first=self._submitted) as producer:
            producer.submit(number)
        self._submitted += number
        self._waiting += number

    def _submit(self, producer: Producer, delay: float) -> tuple[str, float]:
        """Submit an urgent one, after a pause: they take about a fifth of the slots. Its mobile, and when (epoch)."""
        pause = _LEAST_PAUSE_SECONDS + 5 * delay / SLOTS
        time.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - no secret
        started = producer.submit(1).started + time.time() - time.monotonic()
        self._urgent += 1
        return mobile_of(_URGENT_FIRST + self._urgent - 1), started

    def _wait_until_busy(self, rate: int) -> None:
        """Until all calls are in flight; or, with a rate limit, until there are no more of them than before."""
        started = risen = time.monotonic()
        most = 0
        self._look()
        self._most_in_flight = 0
        while most < SLOTS and not (rate and most and time.monotonic() - risen > _STEADY_SECONDS):
            if time.monotonic() - started > _START_PATIENCE_SECONDS:
                raise TimeoutError(f"{most} calls in flight")
            time.sleep(_POLL_SECONDS)
            self._look()
            if self._most_in_flight > most:
                most, risen = self._most_in_flight, time.monotonic()

    def _wait_for(self, submitted: dict[str, float]) -> tuple[list[float], int]:
        """Seconds until each has arrived, and how many have not."""
        until = time.time() + self._plan.patience
        while True:
            self._look()
            missing = sum(mobile not in self._arrivals for mobile in submitted)
            if not missing or time.time() > until:
                now = time.time()
                return [self._arrivals.get(mobile, now) - at for mobile, at in submitted.items()], missing
            time.sleep(_POLL_SECONDS)

    def _look(self) -> None:
        """Note what has reached the provider."""
        seen = self._provider.seen()
        self._most_in_flight = max(self._most_in_flight, seen.most_in_flight)
        new = seen.arrivals.keys() - self._arrivals.keys()
        self._waiting -= sum(mobile < mobile_of(_URGENT_FIRST) for mobile in new)
        self._arrivals |= {mobile: seen.arrivals[mobile] for mobile in new}


def _with_rate(bench: Bench, rate: int) -> Bench:
    if not rate:
        return bench
    return replace(
        bench,
        settings={**bench.settings, "max_calls_per_second": str(rate)},
        variables={**bench.variables, "BENCH_CALLS_PER_SECOND": str(rate)},
    )
