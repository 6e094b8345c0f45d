"""`slow-provider`: whether the configured calls are in flight when a reply takes its time, and one that never comes."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import click

from tests.benchmarks.bench import open_bench
from tests.benchmarks.recording_provider import RecordingProvider
from tests.benchmarks.report import describe, save, show
from tests.benchmarks.systems import VOICE_BULK

_PROCESSES = 2


@dataclass(frozen=True, slots=True)
class Measured:
    """One run against the slow provider."""

    calls_in_flight: int  #: configured, per process
    hanging: int  #: calls that are never answered
    number: int
    most_in_flight: int  #: seen by the provider at once
    seconds: float  #: from the first arrival to the last reply
    ideal_seconds: float  #: the same with every slot that is not hung always busy


@click.command("slow-provider")
@click.option("--delay", default=0.2, show_default=True, help="Seconds until the provider replies.")
@click.option(
    "--calls-in-flight", "configured", multiple=True, default=(16, 64), show_default=True, help="Per process."
)
@click.option("--turns", default=75, show_default=True, help="Calls that each slot has to place.")
@click.option("--json", "path", type=click.Path(path_type=Path), help="Write the numbers to this file.")
def command(delay: float, configured: tuple[int, ...], turns: int, path: Path | None) -> None:
    """Calls in flight and throughput while each reply takes 200 ms, without and with one call that hangs."""
    with open_bench(lambda _: RecordingProvider(delay)) as bench:
        about = describe(bench)
    measured = [_measure(delay, slots, turns, hanging) for slots in configured for hanging in (0, 1)]
    rows = [
        [
            f"{each.calls_in_flight} × {_PROCESSES}, {each.hanging} hanging",
            f"{each.most_in_flight}",
            f"{each.number / each.seconds:,.0f}",
            f"{each.number / each.ideal_seconds:,.0f}",
            f"{each.ideal_seconds / each.seconds:.1%}",
        ]
        for each in measured
    ]
    columns = ["calls in flight", "most in flight", "done/s", "ideal/s", "of the ideal"]
    show(f"A provider that replies after {delay * 1000:.0f} ms", columns, rows)
    if path:
        save(path, {"runs": [asdict(each) for each in measured]}, about)


def _measure(delay: float, slots: int, turns: int, hanging: int) -> Measured:
    provider = RecordingProvider(delay)
    settings = {"calls_in_flight": str(slots), "read_timeout": "300"}
    with (
        open_bench(lambda _: provider, **settings) as bench,
        bench.workers(VOICE_BULK) as workers,
        bench.producer(VOICE_BULK) as producer,
    ):
        bench.warm_up(producer, workers)
        provider.seen()
        if hanging:
            provider.hang_next()
        number = _PROCESSES * slots * turns
        bench.run(producer, number, hanging=hanging)
        seen = provider.seen()
    return Measured(
        slots,
        hanging,
        number,
        seen.most_in_flight,
        seconds=seen.last_reply - min(seen.arrivals.values()),
        ideal_seconds=number * delay / (_PROCESSES * slots - hanging),
    )
