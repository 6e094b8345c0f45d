"""`latency`: from `notify.delay` to the request's arrival at the provider, and how late a parked one is."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from tests.benchmarks.bench import Bench, finished, open_bench, wait_for
from tests.benchmarks.recording_provider import RecordingProvider
from tests.benchmarks.report import console, describe, percentiles, save, show
from tests.benchmarks.systems import VOICE_DELAY

_TEMPLATE, _PARAMS = "453662", ["张三", "3号楼"]
_FIRST, _IDLE_FIRST, _PARKED_FIRST = "13800138000", 15_000_000_000, 17_000_000_000
_HEAD_START = 2.0


@click.command("latency")
@click.option("--number", default=500, show_default=True, help="Notifications to the idle system, one at a time.")
@click.option("--rate", default=200, show_default=True, help="Parked notifications that are due in a second.")
@click.option("--seconds", default=10, show_default=True, help="For how long they are due.")
@click.option("--json", "path", type=click.Path(path_type=Path), help="Write the numbers to this file.")
def command(number: int, rate: int, seconds: int, path: Path | None) -> None:
    """Milliseconds until the request arrives: idle system, and parked notifications."""
    provider = RecordingProvider()
    with open_bench(lambda _: provider) as bench:
        about = describe(bench)
        os.environ.update(bench.environment)  # this process is the application
        with bench.workers(VOICE_DELAY) as workers, bench.producer(VOICE_DELAY) as producer:
            bench.warm_up(producer, workers)
            provider.seen()
            submit, idle = _measure_idle(bench, provider, number)
            parked = _measure_parked(bench, provider, rate, seconds)
    rows = [
        ["notify.delay returns", *percentiles(submit, 50, 90, 99)],
        ["idle system: delay to arrival", *percentiles(idle, 50, 90, 99)],
        [f"parked, {rate} due per second: arrival after the due time", *percentiles(parked, 50, 90, 99)],
    ]
    show("Latency, ms", ["", "p50", "p90", "p99", "longest"], rows)
    if path:
        save(path, {"delay_ms": submit, "idle_ms": idle, "parked_ms": parked}, about)


def _measure_idle(bench: Bench, provider: RecordingProvider, number: int) -> tuple[list[float], list[float]]:
    """One at a time, with pauses that keep no step with the dispatcher."""
    from voice_notify import notify  # noqa: PLC0415 - it reads the environment that was set above

    notify.delay(_FIRST, _TEMPLATE, _PARAMS)  # opens this process's connections
    submitted, returned = {}, []
    with _all_done(bench, number):
        for count in range(number):
            mobile = str(_IDLE_FIRST + count)
            submitted[mobile] = time.time()
            notify.delay(mobile, _TEMPLATE, _PARAMS)
            returned.append(1000 * (time.time() - submitted[mobile]))
            time.sleep(random.uniform(0.03, 0.08))  # noqa: S311 - no secret
    arrivals = provider.seen().arrivals
    return returned, [1000 * (arrivals[mobile] - at) for mobile, at in submitted.items()]


def _measure_parked(bench: Bench, provider: RecordingProvider, rate: int, seconds: int) -> list[float]:
    """Submitted at once, due one after the other; how much later than its `eta` each arrives."""
    from voice_notify import notify  # noqa: PLC0415

    number = rate * seconds
    begin = time.time() + _HEAD_START + number / 1000
    due = {}
    with _all_done(bench, number):
        for count in range(number):
            mobile = str(_PARKED_FIRST + count)
            countdown = begin + count / rate - time.time()
            eta = notify.apply_async((mobile, _TEMPLATE, _PARAMS), countdown=countdown).eta
            assert eta is not None
            due[mobile] = eta.timestamp()
        if time.time() > begin:
            console.print("[yellow]the first were due before the last was submitted")
    arrivals = provider.seen().arrivals
    return [1000 * (arrivals[mobile] - at) for mobile, at in due.items()]


@contextmanager
def _all_done(bench: Bench, number: int) -> Iterator[None]:
    """Wait in the end until so many more were called."""
    with bench.redis as client:
        before = finished(client)
        yield
        wait_for(client, before + number)
