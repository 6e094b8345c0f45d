"""The sandbox's console, as the demo uses it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any

_TIMEOUT_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Request:
    """A request as the sandbox saw it."""

    mobile: str
    param: str
    arrived: float  #: epoch seconds
    outcome: str  #: the code that it was answered, or the fault where there was no such answer
    placed: bool  #: the phone rang
    call_id: str


class SandboxClient:
    """Asks and steers the sandbox on one port of the loopback."""

    def __init__(self, port: int) -> None:
        self._port = port

    def requests(self) -> list[Request]:
        """All that arrived, in order."""
        return [
            Request(
                each["mobile"],
                each["param"],
                each["arrived"],
                str(each["code"] or each["fault"]),
                each["placed"],
                each["callId"],
            )
            for each in self._ask("GET", "calls")
        ]

    def violations(self) -> int:
        """How many requests broke the gap or the daily limit."""
        return len(self._ask("GET", "violations"))

    def set_balance(self, units: int) -> None:
        """Leave so many billing units on the account."""
        self._ask("POST", "balance", {"units": units})

    def play(self, rules: Sequence[dict[str, object]], *, latency: tuple[float, float]) -> None:
        """Let requests go wrong by `rules`, and replies take between `latency` seconds."""
        self._ask("POST", "faults", {"rules": rules, "latency": latency})

    def _ask(self, method: str, path: str, document: object = None) -> Any:  # noqa: ANN401 - JSON
        with closing(HTTPConnection("127.0.0.1", self._port, timeout=_TIMEOUT_SECONDS)) as connection:
            connection.request(method, f"/sandbox/{path}", json.dumps(document))
            return json.load(connection.getresponse())
