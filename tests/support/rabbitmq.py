"""A real RabbitMQ server for tests: its data, node name and port mapper are its own, and end with it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from kombu.connection import Connection

from tests.support.redis_server import free_port

#: Why tests that need a RabbitMQ server are skipped where `find_rabbitmq` finds none.
NO_RABBITMQ = "no rabbitmq-server is installed"

#: Debian's command on the path is a wrapper that runs one server, as the user rabbitmq; this is the server itself.
_DEBIAN = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
_START_SECONDS = 60
_STOP_SECONDS = 30


def find_rabbitmq() -> str | None:
    """The path of the server's start script, or None."""
    return str(_DEBIAN) if _DEBIAN.is_file() else shutil.which("rabbitmq-server")


def connect(url: str) -> Any:  # noqa: ANN401 - kombu has few types
    """A connection to a broker of any kind."""
    return Connection(url, connect_timeout=1)  # type: ignore[no-untyped-call]


class RabbitServer:
    """A node of one, with all its files in `folder`."""

    def __init__(self, binary: str, folder: Path) -> None:
        port, distribution, mapper = free_port(), free_port(), free_port()
        self.url = f"amqp://guest:guest@127.0.0.1:{port}//"
        self._log = folder / "rabbitmq.log"
        self._commands = [["epmd", "-port", str(mapper), "-address", "127.0.0.1"], [binary]]
        self._environment = os.environ | {
            "HOME": str(folder),  # of the cookie
            "ERL_EPMD_PORT": str(mapper),
            "RABBITMQ_NODENAME": f"voice-notify-{port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(port),
            "RABBITMQ_DIST_PORT": str(distribution),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "rabbitmq-env.conf"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_PID_FILE": str(folder / "rabbitmq.pid"),
        }
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        with self._log.open("ab") as log:
            for command in self._commands:
                process = subprocess.Popen(  # noqa: S603 - the server
                    command, stdout=log, stderr=log, env=self._environment, start_new_session=True
                )
                self._processes.append(process)
        until = time.monotonic() + _START_SECONDS
        while not self._answers():
            if self._processes[-1].poll() is not None or time.monotonic() > until:
                self.kill()
                raise RuntimeError(self._log.read_text(encoding="utf-8"))
            time.sleep(0.1)

    def stop(self) -> None:
        """End it as an operator would. A quorum queue of 3.10 that is killed in its first 2 s never works again."""
        *_, server = self._processes
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(_STOP_SECONDS)
        self._processes.remove(server)
        self.kill()

    def kill(self) -> None:
        """End it with SIGKILL."""
        self._signal(signal.SIGKILL)
        for process in self._processes:
            process.wait()
        self._processes.clear()

    def freeze(self) -> None:
        """Let it keep its connections and answer nothing."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def delete_queue(self, name: str) -> None:
        """Delete a queue with what it holds, so that the next test begins with an empty one."""
        with connect(self.url) as connection:
            connection.default_channel.queue_delete(name)

    def _signal(self, number: int) -> None:
        for process in reversed(self._processes):
            os.killpg(process.pid, number)

    def _answers(self) -> bool:
        try:
            with connect(self.url) as connection:
                connection.connect()
        except OSError:
            return False
        return True
