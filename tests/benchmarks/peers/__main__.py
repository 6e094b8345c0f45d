"""Run the workers of one system until killed: `python -m tests.benchmarks.peers NAME`."""

from __future__ import annotations

import subprocess
import sys

from tests.benchmarks.peers import load

processes = [subprocess.Popen(command) for command in load(sys.argv[1]).workers()]  # noqa: S603 - our own commands
for process in processes:
    process.wait()
