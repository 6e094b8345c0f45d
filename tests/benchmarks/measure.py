"""One system's turn in a round: what it enqueues, what it gets done, and what both cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import redis

from tests.benchmarks.bench import Bench, Run
from tests.benchmarks.producer import Submitted
from tests.benchmarks.systems import System

_OPEN_CONNECTIONS = 50


@dataclass(frozen=True, slots=True)
class Turn:
    """One run, and its costs per notification; CPU in seconds."""

    run: Run
    worker_cpu: float
    producer_cpu: float
    redis_cpu: float
    round_trips: float
    commands: Mapping[str, float]  #: by name
    memory: float  #: bytes that Redis holds afterwards

    @property
    def cpu(self) -> float:
        """Of all processes but the provider."""
        return self.worker_cpu + self.producer_cpu + self.redis_cpu


@dataclass(frozen=True, slots=True)
class _Account:
    """What Redis has counted since its start."""

    cpu: float
    reads: int
    memory: int
    commands: Mapping[str, int]


def measure_turn(bench: Bench, system: System, *, seconds: float, rate: float | None = None) -> Turn:
    """Let fresh workers do what takes them about `seconds`, at the `rate` known or else at that of the warm-up."""
    with bench.workers(system) as workers, bench.producer(system) as producer, bench.redis as client:
        warm = bench.warm_up(producer, workers)
        before, cpu_before = _account(client), workers.cpu()
        run = bench.run(producer, max(100, round((rate or warm) * seconds)))
        after, cpu_after = _account(client), workers.cpu()
    bench.empty()
    number = run.number
    return Turn(
        run,
        worker_cpu=(cpu_after - cpu_before) / number,
        producer_cpu=run.submitted.cpu / number,
        redis_cpu=(after.cpu - before.cpu) / number,
        round_trips=(after.reads - before.reads) / number,
        commands={
            name: (calls - before.commands.get(name, 0)) / number
            for name, calls in after.commands.items()
            if calls > before.commands.get(name, 0)
        },
        memory=(after.memory - before.memory) / number,
    )


def measure_enqueue(bench: Bench, system: System, number: int) -> Submitted:
    """Submit so many while the workers are stopped."""
    with bench.producer(system) as producer:
        producer.submit(_OPEN_CONNECTIONS)
        submitted = producer.submit(number)
    bench.empty()
    return submitted


def _account(client: redis.Redis) -> _Account:
    info: dict[str, Any] = client.info("everything")
    commands = {
        name.removeprefix("cmdstat_"): stat["calls"] for name, stat in info.items() if name.startswith("cmdstat_")
    }
    return _Account(
        cpu=info["used_cpu_user"] + info["used_cpu_sys"],
        reads=info["total_reads_processed"],
        memory=info["used_memory"],
        commands=commands,
    )
