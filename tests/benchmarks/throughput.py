"""`throughput`: all systems in turns; a table, a chart and a JSON file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

import click

from tests.benchmarks import chart
from tests.benchmarks.bench import Bench, cheapest_provider, open_bench
from tests.benchmarks.measure import Turn, measure_enqueue, measure_turn
from tests.benchmarks.report import console, describe, installed, micros, save, show, spread
from tests.benchmarks.systems import BARE, CELERY, OURS, SYSTEMS, System

RESULTS = Path(__file__).parent / "results"


@dataclass(slots=True)
class Measured:
    """All rounds of one system."""

    turns: list[Turn] = field(default_factory=list)
    enqueue_time: list[float] = field(default_factory=list)  #: seconds for each, workers stopped
    enqueue_cpu: list[float] = field(default_factory=list)  #: of the producer then, seconds for each

    @property
    def rates(self) -> list[float]:
        """Notifications done per second."""
        return [turn.run.rate for turn in self.turns]

    @property
    def enqueued(self) -> list[float]:
        """Notifications enqueued per second."""
        return [1 / each for each in self.enqueue_time]


@click.command("throughput")
@click.option("--rounds", default=5, show_default=True, help="How often each system has its turn.")
@click.option("--seconds", default=4.0, show_default=True, help="About how long each measurement takes.")
@click.option("--enqueues", default=3000, show_default=True, help="Notifications enqueued while workers are stopped.")
@click.option("--only", "names", multiple=True, type=click.Choice(list(SYSTEMS)), help="Measure this system only.")
@click.option("--output", default=RESULTS, show_default=True, type=click.Path(path_type=Path), help="Where files go.")
def command(rounds: int, seconds: float, enqueues: int, names: tuple[str, ...], output: Path) -> None:
    """Compare how fast the same job is done by each system."""
    systems = installed([SYSTEMS[name] for name in names or SYSTEMS])
    with open_bench(cheapest_provider) as bench:
        about = describe(bench) | {"versions": {name: system.versions() for name, system in systems.items()}}
        console.print(f"provider: {bench.provider.name}")
        measured = _measure(bench, systems, rounds, seconds, enqueues)
    _show(systems, measured)
    save(output / "throughput.json", {"systems": {name: asdict(each) for name, each in measured.items()}}, about)
    chart.draw(output / "throughput.png", _series(systems, measured), about["machine"])


def _measure(
    bench: Bench, systems: Mapping[str, System], rounds: int, seconds: float, enqueues: int
) -> dict[str, Measured]:
    measured = {name: Measured() for name in systems}
    for number in range(1, rounds + 1):
        for name, system in systems.items():
            so_far = measured[name]
            rate = median(so_far.rates) if so_far.turns else None
            turn = measure_turn(bench, system, seconds=seconds, rate=rate)
            so_far.turns.append(turn)
            console.print(
                f"round {number}: {system.label}: {turn.run.number} in {turn.run.seconds:.2f} s, {turn.run.rate:,.0f}/s"
            )
        # All within seconds, so that a slow minute of the machine falls on all.
        for name, system in systems.items():
            if system is not BARE:
                submitted = measure_enqueue(bench, system, enqueues)
                measured[name].enqueue_time.append(submitted.seconds / enqueues)
                measured[name].enqueue_cpu.append(submitted.cpu / enqueues)
    return measured


def _show(systems: Mapping[str, System], measured: Mapping[str, Measured]) -> None:
    rates = {name: each.rates for name, each in measured.items()}
    peers = [each for name, each in measured.items() if name not in (*OURS, BARE.name)]
    against = {
        "× best peer": _of_each_round(max, [peer.rates for peer in peers]),
        "× Celery": rates.get(CELERY.name, []),
        "× bare": rates.get(BARE.name, []),
    }
    rows = []
    for name, each in measured.items():
        ratios = [_ratio(each.rates, others) for others in against.values()]
        rows.append([systems[name].label, spread(each.rates), *ratios, micros([turn.cpu for turn in each.turns])])
    columns = ["system", "done/s", *against, "CPU µs"]
    show("Throughput: median (range over the rounds); ratios: the median of those within each round", columns, rows)

    least_time = _of_each_round(min, [peer.enqueue_time for peer in peers])
    least_cpu = _of_each_round(min, [peer.enqueue_cpu for peer in peers])
    rows = [
        [
            *(systems[name].label, spread(each.enqueued)),
            *(_ratio(each.enqueue_time, least_time), micros(each.enqueue_cpu), _ratio(each.enqueue_cpu, least_cpu)),
        ]
        for name, each in measured.items()
        if each.enqueue_time
    ]
    columns = ["system", "enqueued/s", "time × least peer", "producer's CPU µs", "CPU × least peer"]
    show("What an enqueue costs the producer", columns, rows)


def _of_each_round(best: Callable[[Sequence[float]], float], systems: Sequence[Sequence[float]]) -> list[float]:
    return [best(values) for values in zip(*systems, strict=True)]


def _ratio(rates: Sequence[float], others: Sequence[float]) -> str:
    # Within a round, because a noisy machine is slower in one round than in another.
    return f"{median(rate / other for rate, other in zip(rates, others, strict=True)):.2f}" if others else "–"


def _series(systems: Mapping[str, System], measured: Mapping[str, Measured]) -> list[chart.Series]:
    return [
        chart.Series(systems[name].label, name in OURS, each.rates, each.enqueued) for name, each in measured.items()
    ]
