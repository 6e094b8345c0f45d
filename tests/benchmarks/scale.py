"""`scale`: many parked notifications, and many for one number."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

import click
import redis

from tests.benchmarks.bench import Bench, cheapest_provider, open_bench
from tests.benchmarks.one_number import PerCall, measure_line
from tests.benchmarks.report import console, describe, save, show, spread
from tests.benchmarks.systems import VOICE_BULK, VOICE_PARKED

_FEW = 1_000
_DUE_STEP = 100_000_000  # numbers that are not parked, others in each round


@click.command("scale")
@click.option("--parked", default=100_000, show_default=True, help="Parked notifications, each for its own number.")
@click.option("--rounds", default=3, show_default=True, help="How often the due ones are measured.")
@click.option("--seconds", default=4.0, show_default=True, help="About how long each of these measurements takes.")
@click.option("--line", default=10_000, show_default=True, help="Notifications in the line of one number.")
@click.option("--calls", default=500, show_default=True, help="Calls placed to that number.")
@click.option("--json", "path", type=click.Path(path_type=Path), help="Write the numbers to this file.")
def command(  # noqa: PLR0913, PLR0917 - one for each option
    parked: int, rounds: int, seconds: float, line: int, calls: int, path: Path | None
) -> None:
    """Memory and speed with many parked notifications; commands per call with a long line."""
    with ExitStack() as stack:
        few, many = (stack.enter_context(open_bench(cheapest_provider)) for _ in range(2))
        about = describe(many)
        _park(few, _FEW)
        memory = _park(many, parked)
        rates = _measure_due({_FEW: few, parked: many}, rounds, seconds)
    ratio = median(rates[parked]) / median(rates[_FEW])
    rows = [[f"{number:,} parked", spread(each)] for number, each in rates.items()]
    show(f"Due notifications done per second: × {ratio:.2f}", ["", "done/s"], rows)
    console.print(f"{memory:,.0f} bytes of Redis memory per parked notification, of {parked:,}")
    lengths = {length: measure_line(length, calls) for length in (1, 2, line)}
    _show_lines(lengths)
    if path:
        line_costs = {length: asdict(each) for length, each in lengths.items()}
        save(path, {"bytes_per_parked": memory, "due_per_second": rates, "one_number": line_costs}, about)


def _park(bench: Bench, number: int) -> float:
    """Submit so many that are due tomorrow; bytes of memory for each."""
    with bench.redis as client, bench.producer(VOICE_PARKED) as producer:
        before = _memory(client)
        submitted = producer.submit(number)
        console.print(f"{number:,} parked, {number / submitted.seconds:,.0f} per second")
        return (_memory(client) - before) / number


def _memory(client: redis.Redis) -> int:
    info: Any = client.info("memory")
    return int(info["used_memory"])


def _measure_due(benches: Mapping[int, Bench], rounds: int, seconds: float) -> dict[int, list[float]]:
    """In turns, with fresh workers each time; the parked ones stay where they are."""
    rates: dict[int, list[float]] = {number: [] for number in benches}
    for turn in range(rounds):
        for number, bench in benches.items():
            numbers = bench.producer(VOICE_BULK, first=_DUE_STEP * (1 + turn))
            with bench.workers(VOICE_BULK) as workers, numbers as producer:
                warm = bench.warm_up(producer, workers)
                rates[number].append(bench.run(producer, round(warm * seconds)).rate)
    return rates


def _show_lines(lengths: Mapping[int, PerCall]) -> None:
    every = sorted({name for each in lengths.values() for name in each.commands})
    rows = [[name, *(f"{each.commands.get(name, 0):.2f}" for each in lengths.values())] for name in every]
    rows.append(["all", *(f"{sum(each.commands.values()):.2f}" for each in lengths.values())])
    rows.append(["µs in scripts", *(f"{each.microseconds:.0f}" for each in lengths.values())])
    show("Redis commands per placed call to one number", ["in its line", *(f"{n:,}" for n in lengths)], rows)
