"""nginx as the cheapest provider there is: one worker, a fixed reply."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from pathlib import Path

from tests.benchmarks.replies import ACCEPTED

_CONFIGURATION = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log warn;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  keepalive_timeout 1h;
  keepalive_requests 1000000000;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port};
    default_type application/json;
    location / {{ return 200 '{reply}'; }}
  }}
}}
"""


def find_nginx() -> str | None:
    """The path of its binary, or None."""
    return shutil.which("nginx", path="/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin")


class Nginx:
    """A server with its files in `folder`."""

    name = "nginx, one worker, a fixed reply"

    def __init__(self, binary: str, folder: Path) -> None:
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}/voice-notify/send-v2"
        configuration = folder / "nginx.conf"
        configuration.write_text(
            _CONFIGURATION.format(folder=folder, port=self.port, reply=ACCEPTED.decode()), encoding="utf-8"
        )
        log = str(folder / "nginx.log")
        self._process = subprocess.Popen([binary, "-p", str(folder), "-e", log, "-c", str(configuration)])  # noqa: S603
        self._wait()

    def _wait(self) -> None:
        until = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
            except OSError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.01)
            else:
                return

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
