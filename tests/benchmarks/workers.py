"""The two worker processes of a system under test."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

import psutil

from tests.benchmarks.job import ROOT


class Workers:
    """Starts them in a process group of their own; `log` is what they write."""

    def __init__(self, python: str, name: str, environment: Mapping[str, str], log: Path) -> None:
        self.log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - ourselves
                [python, "-m", "tests.benchmarks.peers", name],
                stdout=output,
                stderr=output,
                env=environment,
                cwd=ROOT,
                start_new_session=True,
            )

    def cpu(self) -> float:
        """Seconds of CPU time of all of them until now."""
        times = [process.cpu_times() for process in self._all()]
        return float(sum(each.user + each.system for each in times))

    def connected_to(self, port: int) -> int:
        """How many of the processes hold a connection to a local port."""
        return sum(_is_connected(process, port) for process in self._all())

    def stop(self) -> None:
        """Kill them: what they leave behind is thrown away anyhow."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _all(self) -> list[psutil.Process]:
        children: list[psutil.Process] = psutil.Process(self._process.pid).children(recursive=True)
        return children


def _is_connected(process: psutil.Process, port: int) -> bool:
    try:
        connections = process.net_connections("tcp")
    except psutil.NoSuchProcess:  # a helper of the start that has just ended
        return False
    return any(connection.raddr and connection.raddr.port == port for connection in connections)
