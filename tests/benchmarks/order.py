"""`order`: how long an urgent notification waits while very many others do."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click

from tests.benchmarks.bench import Bench, open_bench
from tests.benchmarks.crowd import SLOTS, Crowd, Measured, Plan
from tests.benchmarks.recording_provider import RecordingProvider
from tests.benchmarks.report import console, describe, installed, percentiles, save, show
from tests.benchmarks.systems import WITH_PRIORITIES, System
from tests.support.rabbitmq import NO_RABBITMQ, RabbitServer, find_rabbitmq

_LABELS = {system.name: system.label for system in WITH_PRIORITIES.values()}
_WITHOUT = (
    "Without priorities, and so not measured: taskiq and dramatiq on Redis, arq. "
    "RQ, which can put a job in front, does one at a time in each process."
)


@click.command("order")
@click.option("--waiting", "sizes", multiple=True, default=(10_000,), show_default=True, help="Notifications waiting.")
@click.option(
    "--delay", "delays", multiple=True, default=(0.0, 0.3, 2.0), show_default=True, help="Of replies, seconds."
)
@click.option(
    "--rate", "rates", multiple=True, default=(0, 50), show_default=True, help="Calls per second; 0: no limit."
)
@click.option(
    "--urgent", default=30, type=click.IntRange(2), show_default=True, help="Urgent notifications at each delay."
)
@click.option("--patience", default=30.0, show_default=True, help="Seconds until missing ones are given up.")
@click.option("--only", "names", multiple=True, type=click.Choice(list(WITH_PRIORITIES)), help="Measure this system.")
@click.option("--json", "path", type=click.Path(path_type=Path), help="Write the numbers to this file.")
def command(names: Sequence[str], path: Path | None, **options: Any) -> None:  # noqa: ANN401 - click has converted them
    """Milliseconds until an urgent request arrives, while very many others wait."""
    plan = Plan(**options)
    systems = installed([WITH_PRIORITIES[name] for name in names or WITH_PRIORITIES])
    provider = RecordingProvider()
    with open_bench(lambda _: provider) as bench:
        about = describe(bench) | {"versions": {name: system.versions() for name, system in systems.items()}}
        measured = [each for system in systems.values() for each in _measure(bench, provider, system, plan)]
    for waiting in plan.sizes:
        for rate in plan.rates:
            _show(waiting, rate, plan, [each for each in measured if (each.waiting, each.rate) == (waiting, rate)])
    console.print(_WITHOUT)
    if path:
        save(path, {"runs": [asdict(each) for each in measured]}, about)


def _measure(bench: Bench, provider: RecordingProvider, system: System, plan: Plan) -> Iterator[Measured]:
    """All of one system, on an empty Redis."""
    bench.empty()
    with _with_broker(bench, system) as equipped:
        if equipped is None:
            console.print(f"[yellow]{system.label} is left out: {NO_RABBITMQ}")
            return
        for each in Crowd(equipped, provider, system, plan).measure():
            _say(each)
            yield each


@contextmanager
def _with_broker(bench: Bench, system: System) -> Iterator[Bench | None]:
    """With a RabbitMQ server of its own, if the system needs one; None where there is none."""
    binary = find_rabbitmq()
    if not system.rabbitmq or binary is None:
        yield None if system.rabbitmq else bench
        return
    with tempfile.TemporaryDirectory(prefix="bench-rabbitmq-") as folder:
        server = RabbitServer(binary, Path(folder))
        server.start()
        url = server.url.removesuffix("//") + "/%2F"  # pika takes `//` for a virtual host without a name
        try:
            yield replace(bench, variables={"BENCH_RABBITMQ_URL": url})
        finally:
            server.stop()


def _say(each: Measured) -> None:
    """A line for each measurement, as it goes."""
    p50, _, longest = percentiles([1000 * seconds for seconds in each.seconds], 50, 99)
    missing = f", {each.missing} did not arrive" if each.missing else ""
    console.print(
        f"{_LABELS[each.system]}, {_conditions(each.waiting, each.rate)}, {each.delay:g} s: "
        f"p50 {p50}, longest {longest} ms{missing}; "
        f"{each.calls_per_second:,.1f} calls/s, {each.waiting_in_the_end:,} left"
    )


def _conditions(waiting: int, rate: int) -> str:
    return f"{waiting:,} waiting, {f'{rate} calls per second' if rate else 'no rate limit'}"


def _show(waiting: int, rate: int, plan: Plan, measured: Sequence[Measured]) -> None:
    """A table of all systems under the same conditions."""
    cells: dict[str, dict[float, list[str]]] = {}
    for each in measured:
        found = percentiles([1000 * seconds for seconds in each.seconds], 50, 99)
        at_least = "≥ " if each.missing else ""
        cells.setdefault(each.system, {})[each.delay] = [at_least + value for value in found]
    rows = [
        [_LABELS[name], *(value for delay in plan.delays for value in by_delay[delay])]
        for name, by_delay in cells.items()
    ]
    free = [1000 * max(delay / SLOTS, 1 / rate if rate else 0) for delay in plan.delays]
    rows.append(["time between calls", *(cell for each in free for cell in (f"{each:,.1f}" if each else "", "", ""))])
    columns = [
        f"{delay:g} s: p50" if cut == "p50" else cut for delay in plan.delays for cut in ("p50", "p99", "longest")
    ]
    show(f"Urgent: from submit to arrival, ms; {_conditions(waiting, rate)}; by reply time", ["", *columns], rows)
