"""`cost`: what one notification costs, and how many a day one Redis carries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median

import click

from tests.benchmarks.bench import cheapest_provider, open_bench
from tests.benchmarks.measure import Turn, measure_turn
from tests.benchmarks.report import console, describe, micros, save, show
from tests.benchmarks.systems import OURS, SYSTEMS

_DAY = 86_400
_RARE = 0.02


@click.command("cost")
@click.option("--rounds", default=3, show_default=True, help="How often each system has its turn.")
@click.option("--seconds", default=4.0, show_default=True, help="About how long each measurement takes.")
@click.option(
    "--system",
    "names",
    multiple=True,
    default=OURS,
    show_default=True,
    type=click.Choice(list(SYSTEMS)),
    help="Measure this system.",
)
@click.option("--json", "path", type=click.Path(path_type=Path), help="Write the numbers to this file.")
def command(rounds: int, seconds: float, names: Sequence[str], path: Path | None) -> None:
    """Redis commands, round trips, CPU time and memory per notification."""
    turns: dict[str, list[Turn]] = {name: [] for name in names}
    with open_bench(cheapest_provider) as bench:
        about = describe(bench)
        for _ in range(rounds):
            for name in names:
                turns[name].append(measure_turn(bench, SYSTEMS[name], seconds=seconds))
    _show_costs(turns)
    _show_commands(turns)
    for name in set(names) & set(OURS):
        _say_capacity(SYSTEMS[name].label, turns[name])
    if path:
        save(path, {"systems": {name: [asdict(turn) for turn in each] for name, each in turns.items()}}, about)


def _show_costs(turns: dict[str, list[Turn]]) -> None:
    rows = [
        [
            SYSTEMS[name].label,
            f"{median(turn.run.rate for turn in each):,.0f}",
            *(micros([getattr(turn, cost) for turn in each]) for cost in _CPU),
            f"{median(sum(turn.commands.values()) for turn in each):.1f}",
            f"{median(turn.round_trips for turn in each):.2f}",
            f"{median(turn.memory for turn in each):,.0f}",
        ]
        for name, each in turns.items()
    ]
    columns = ["per notification", "done/s", *_CPU.values(), "commands", "round trips", "bytes kept"]
    show("CPU time (µs), Redis commands and memory", columns, rows)


_CPU = {"worker_cpu": "worker µs", "producer_cpu": "producer µs", "redis_cpu": "Redis µs"}


def _show_commands(turns: dict[str, list[Turn]]) -> None:
    seen = {name: {command for turn in each for command in turn.commands} for name, each in turns.items()}
    counts = {
        name: {command: median(turn.commands.get(command, 0) for turn in turns[name]) for command in commands}
        for name, commands in seen.items()
    }
    every = sorted({command for each in counts.values() for command, count in each.items() if count >= _RARE})
    rows = [[command, *(f"{each.get(command, 0):.2f}" for each in counts.values())] for command in every]
    show(
        "Redis commands per notification, inside of scripts too",
        ["command", *(SYSTEMS[name].label for name in counts)],
        rows,
    )


def _say_capacity(label: str, turns: Sequence[Turn]) -> None:
    """One Redis executes commands on one thread, so its CPU time per notification bounds the rate."""
    rate = 1 / median(turn.redis_cpu for turn in turns)
    memory = median(turn.memory for turn in turns)
    console.print(
        f"{label}: one Redis has CPU time for {rate:,.0f}/s, which is {rate * _DAY / 1e6:,.0f} million a day; "
        f"each million a day that is kept for a week takes {7 * memory / 1e3:,.1f} GB of its memory."
    )
