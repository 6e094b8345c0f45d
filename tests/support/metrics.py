"""What the exporter shows of a reading."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from tests.support.clock import NOON
from voice_notify.domain.states import State
from voice_notify.ledger.breaker import Pause
from voice_notify.ledger.statistics import Counters, Snapshot
from voice_notify.monitoring.metrics import LedgerCollector


def snapshot(totals: Mapping[str, int] | None = None, *, now_ms: int = NOON, **fields: object) -> Snapshot:
    """A reading in which nothing ever happened, but for what is given."""
    blank: dict[str, object] = {
        "states": dict.fromkeys(State, 0) | fields.pop("states", {}),  # type: ignore[operator]
        "waiting": {},
        "in_flight": 0,
        "due": 0,
        "oldest_due_ms": 0,
        "workers": 0,
        "pauses": (),
        "spent": 0,
    }
    return Snapshot(now_ms=now_ms, totals=Counters(dict(totals or {})), **(blank | fields))  # type: ignore[arg-type]


def paused(reason: str, message: str = "") -> Pause:
    """A pause since noon."""
    return Pause(reason, message, NOON, None)


def exposition(
    read: Callable[[], Snapshot], *, templates: tuple[str, ...] = ("453662",), budget: int | None = None
) -> str:
    """The text that Prometheus reads."""
    registry = CollectorRegistry()
    registry.register(LedgerCollector(read, templates=templates, budget=budget))
    return generate_latest(registry).decode()


def scrape(
    read: Callable[[], Snapshot], *, templates: tuple[str, ...] = ("453662",), budget: int | None = None
) -> list[Sample]:
    """The samples that Prometheus finds in it."""
    families = text_string_to_metric_families(exposition(read, templates=templates, budget=budget))
    return [sample for family in families for sample in family.samples]
