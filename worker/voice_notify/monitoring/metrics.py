"""The ledger's counters as Prometheus metrics: one reading for each scrape, however many workers there are.

No label holds a number, an id or a person's words, and each has few values: what is not known by name is `other`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from http import HTTPStatus

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from voice_notify.domain.outcome import Kind
from voice_notify.domain.reasons import END_REASONS, EndReason, PauseReason, Reason
from voice_notify.domain.states import State
from voice_notify.errors import StoreUnavailable
from voice_notify.ledger.statistics import Counters, Histogram, Snapshot

OTHER = "other"

#: How many, by the values of the labels.
Counts = Counter[tuple[str, ...]]

_NOT_SENT = ("connect", "connect-timeout", "dns", "tls", "too-late")
#: What an attempt comes to in the ordinary: each is there from the first scrape on, so that its first rise is seen.
_ATTEMPTS = {
    Kind.ACCEPTED: ("200",),
    Kind.TRANSIENT: (
        "500",
        "501",
        "609",
        "http-429",
        "http-503",
        "connect",
        "connect-timeout",
        "dns",
        "tls",
        "too-late",
    ),
    Kind.TOMORROW: ("606",),
    Kind.REFUSED: ("400",),
    Kind.UNCLEAR: ("999", OTHER),
    Kind.ACCOUNT: ("404", "601", "602", "603", "604"),
    Kind.UNCONFIRMED: ("200", "read-timeout", "cut", "garbage", "reply-too-large", "lease"),
}
_CODES = {code for codes in _ATTEMPTS.values() for code in codes} | {f"http-{status.value}" for status in HTTPStatus}
#: Why the account can be paused.
_PAUSES = (*PauseReason, OTHER)


class LedgerCollector(Collector):
    """Reads the ledger whenever it is scraped. Without Redis there is `voice_notify_up` alone, and it is 0."""

    def __init__(self, read: Callable[[], Snapshot], *, templates: Collection[str], budget: int | None) -> None:
        self._read = read
        self._templates = templates
        self._budget = budget

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily]:
        """For prometheus-client."""
        try:
            snapshot = self._read()
        except StoreUnavailable:
            yield _gauge("up", "Whether Redis could be read", 0)
            return
        yield _gauge("up", "Whether Redis could be read", 1)
        yield from _what_happened(snapshot.totals)
        yield _billed(snapshot.totals, self._templates)
        yield from _as_it_stands(snapshot)
        yield _gauge("spent_today_units", "Billing units of the provider's day, with calls in flight", snapshot.spent)
        if self._budget is not None:
            yield _gauge("daily_budget_units", "The setting daily_budget", self._budget)


def _what_happened(totals: Counters) -> Iterator[CounterMetricFamily | HistogramMetricFamily]:
    yield _count("submitted", "Notifications stored", totals.submitted)
    yield _count("replayed", "Dead letters replayed", totals.replayed)
    yield _count("dropped", "Dead letters deleted because dead_retention was over", totals.dropped)
    yield _counter("attempts", "Attempts that ended, by outcome", ("kind", "code"), _fold_attempts(totals))
    yield _counter("ended", "Final states reached", ("state", "reason"), _fold_ends(totals))
    yield _counter(
        "deferred", "Calls that a limit deferred for the moment", ("reason",), _fold(totals.deferred, Reason)
    )
    yield _histogram("lateness", "From when a call was allowed until it was granted", totals.lateness)
    yield _histogram("provider_latency", "From a request until its reply, or its timeout", totals.latency)


def _as_it_stands(now: Snapshot) -> Iterator[GaugeMetricFamily]:
    yield _gauges("waiting", "Waiting notifications", "reason", _fold(now.waiting, Reason))
    yield _gauge("calls_in_flight", "Calls leased to a worker", now.in_flight)
    yield _gauge("due", "Numbers that could be called now and are not yet", now.due)
    yield _gauge("due_oldest_seconds", "For how long the first of them has been due", now.oldest_due_ms / 1000)
    yield _gauge("dead_letters", "Dead letters that nobody has replayed or purged", now.states[State.DEAD])
    yield _gauge("workers", "Workers heard of lately", now.workers)
    paused = {pause.reason: 1 for pause in now.pauses}
    yield _gauges("account_paused", "Whether the account is paused, and why", "reason", _fold(paused, _PAUSES))


def _billed(totals: Counters, declared: Collection[str]) -> CounterMetricFamily:
    # A template that is neither declared nor was ever called with success may be any text.
    known = (*declared, *totals.units)
    found: Counts = Counter()
    for billed, units in (("sure", totals.units), ("unsure", totals.unsure_units)):
        for (template,), n in _fold(units, known).items():
            found[template, billed] = n
    return _counter("billing_units", "Billing units; unsure: of unknown outcome", ("template", "billed"), found)


def _fold_attempts(totals: Counters) -> Counts:
    found = _zeros((str(kind), code) for kind, codes in _ATTEMPTS.items() for code in codes)
    for (kind, code), n in totals.attempts.items():
        found[kind if kind in set(Kind) else OTHER, code if code in _CODES else OTHER] += n
    return found


def _fold_ends(totals: Counters) -> Counts:
    found = _zeros((str(state), str(reason)) for state, reasons in END_REASONS.items() for reason in reasons)
    for (state, reason), n in totals.finals.items():
        found[state if state in set(State) else OTHER, reason if reason in set(EndReason) else OTHER] += n
    return found


def _fold(counts: Mapping[str, int], known: Iterable[str]) -> Counts:
    """The counts of what is known, and of all else together."""
    found = _zeros((str(name),) for name in known)
    for name, n in counts.items():
        found[(name,) if (name,) in found else (OTHER,)] += n
    return found


def _zeros(labels: Iterable[tuple[str, ...]]) -> Counts:
    return Counter(dict.fromkeys(labels, 0))


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"voice_notify_{name}", f"{text}.", value=value)


def _gauges(name: str, text: str, label: str, values: Counts) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"voice_notify_{name}", f"{text}.", labels=(label,))
    for labels, value in values.items():
        family.add_metric(labels, value)
    return family


def _count(name: str, text: str, value: int) -> CounterMetricFamily:
    return CounterMetricFamily(f"voice_notify_{name}", f"{text}.", value=value)


def _counter(name: str, text: str, labels: tuple[str, ...], values: Counts) -> CounterMetricFamily:
    family = CounterMetricFamily(f"voice_notify_{name}", f"{text}.", labels=labels)
    for each, value in values.items():
        family.add_metric(each, value)
    return family


def _histogram(name: str, text: str, histogram: Histogram) -> HistogramMetricFamily:
    """Prometheus counts in seconds, and each bucket with all those below it."""
    bounds = (*(f"{bound / 1000:g}" for bound in histogram.bounds_ms), "+Inf")
    buckets, below = [], 0
    for bound, count in zip(bounds, histogram.counts, strict=True):
        below += count
        buckets.append((bound, below))
    return HistogramMetricFamily(f"voice_notify_{name}_seconds", f"{text}.", buckets, histogram.sum_ms / 1000)
