"""The sandbox's control API, as the demo uses it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any

_TIMEOUT_S = 10


@dataclass(frozen=True, slots=True)
class Request:
    """A request as the sandbox saw it."""

    mobile: str
    param: str
    arrived: float  #: in epoch seconds
    outcome: str  #: the code of the reply, or the fault where the reply had none
    placed: bool  #: whether the phone rang
    call_id: str


class SandboxClient:
    """Asks and controls the sandbox on a port of the loopback."""

    def __init__(self, port: int) -> None:
        self._port = port

    def requests(self) -> list[Request]:
        """Return all requests for a call, in order of arrival."""
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
        """Return how often a request broke the gap or the daily limit."""
        return len(self._ask("GET", "violations"))

    def set_balance(self, units: int) -> None:
        """Set what is left on the account, in billing units."""
        self._ask("POST", "balance", {"units": units})

    def set_faults(self, rules: Sequence[dict[str, object]], *, latency_s: tuple[float, float]) -> None:
        """Make requests fail by `rules`, and each reply take between the two `latency_s`, in seconds."""
        self._ask("POST", "faults", {"rules": rules, "latency": latency_s})

    def _ask(self, method: str, path: str, document: object = None) -> Any:  # noqa: ANN401 - JSON
        with closing(HTTPConnection("127.0.0.1", self._port, timeout=_TIMEOUT_S)) as connection:
            connection.request(method, f"/sandbox/{path}", json.dumps(document))
            return json.load(connection.getresponse())
