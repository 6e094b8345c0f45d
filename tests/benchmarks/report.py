"""What a run says of itself: tables on the terminal, a JSON file, and the machine."""

from __future__ import annotations

import json
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.benchmarks.bench import Bench
from tests.benchmarks.nginx import find_nginx
from tests.benchmarks.systems import System

console = Console() if sys.stdout.isatty() else Console(width=140)


def spread(values: Sequence[float], form: str = ",.0f") -> str:
    """The median and the range of some rounds."""
    if len(values) < 2:
        return format(values[0], form) if values else "–"
    return f"{median(values):{form}} ({min(values):{form}} – {max(values):{form}})"


def micros(seconds: Sequence[float]) -> str:
    """The median of some times, in microseconds."""
    return f"{1e6 * median(seconds):,.0f}" if seconds else "–"


def percentiles(milliseconds: Sequence[float], *cuts: int) -> list[str]:
    """These percentiles, and the longest."""
    values = quantiles(milliseconds, n=100, method="inclusive")
    return [f"{value:,.1f}" for value in (*(values[cut - 1] for cut in cuts), max(milliseconds))]


def show(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table: the first column names, the others are numbers."""
    table = Table(title=title, title_justify="left")
    for position, name in enumerate(columns):
        table.add_column(name, justify="right" if position else "left")
    for row in rows:
        table.add_row(*row)
    console.print(table)


def save(path: Path, result: Mapping[str, Any], about: Mapping[str, Any]) -> None:
    """Write a run's numbers, with the command that made them and the machine."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**about, **result}, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    console.print(f"written to {path}")


def installed(systems: Sequence[System]) -> dict[str, System]:
    """Those that can be run here, by name; says which are left out."""
    found = {}
    for system in systems:
        try:
            system.versions()
        except subprocess.CalledProcessError:
            console.print(f"[yellow]{system.label} is left out: not installed for {system.python}")
        else:
            found[system.name] = system
    return found


def describe(bench: Bench) -> dict[str, Any]:
    """When, how and on what this run was made."""
    with bench.redis as client:
        server: Any = client.info("server")
    return {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": f"python -m tests.benchmarks {shlex.join(sys.argv[1:])}",
        "machine": {
            "processor": _processor(),
            "cores": os.cpu_count(),
            "system": platform.platform(),
            "python": platform.python_version(),
            "redis": server["redis_version"],
            "provider": f"{bench.provider.name} ({_nginx_version()})" if find_nginx() else bench.provider.name,
        },
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


def _nginx_version() -> str:
    said = subprocess.run([find_nginx() or "nginx", "-v"], capture_output=True, text=True, check=True)  # noqa: S603
    return said.stderr.strip().rpartition("/")[2]
