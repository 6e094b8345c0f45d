"""The command line: `python -m tests.benchmarks throughput | latency | slow-provider | scale | cost | order`."""

from __future__ import annotations

import click

from tests.benchmarks import cost, latency, order, scale, slow_provider, throughput


@click.group()
def main() -> None:
    """Measure voice-notify, beside other ways to do the same job."""


for module in (throughput, latency, slow_provider, scale, cost, order):
    main.add_command(module.command)

main(prog_name="python -m tests.benchmarks")
