"""The counters as Prometheus metrics."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.metrics import exposition, paused, scrape, snapshot
from voice_notify.domain.states import State
from voice_notify.errors import StoreUnavailable

if TYPE_CHECKING:
    from prometheus_client.samples import Sample

    from voice_notify.ledger.statistics import Snapshot


def values(samples: list[Sample], name: str) -> dict[tuple[str, ...], float]:
    """The samples of one metric that are not zero, by the values of their labels."""
    return {tuple(each.labels.values()): each.value for each in samples if each.name == name and each.value}


def test_what_happened_is_counted_by_what_it_was() -> None:
    """What happened is counted by what it was."""
    happened = {"call:accepted:200": 7, "call:transient:500": 2, "final:accepted:placed": 7, "submitted": 9}
    samples = scrape(lambda: snapshot(happened))
    assert values(samples, "voice_notify_attempts_total") == {("200", "accepted"): 7, ("500", "transient"): 2}
    assert values(samples, "voice_notify_ended_total") == {("placed", "accepted"): 7}
    assert values(samples, "voice_notify_submitted_total") == {(): 9}


def test_free_text_is_folded() -> None:
    """A code, a reason or a template that is not known by name is `other`: labels stay few, and hold no text."""
    happened = {
        "call:unclear:777": 1,
        "call:unclear:138****8000": 2,
        "call:unconfirmed:http-502": 3,
        "call:strange:1": 4,
        "final:dead:because": 1,
        "deferred:mood": 1,
        "unsure:13800138000": 5,
    }
    samples = scrape(lambda: snapshot(happened, waiting={"fun": 2}, pauses=(paused("999", "call 13800138000"),)))
    assert values(samples, "voice_notify_attempts_total") == {
        ("other", "unclear"): 3,
        ("http-502", "unconfirmed"): 3,
        ("other", "other"): 4,
    }
    assert values(samples, "voice_notify_ended_total") == {("other", "dead"): 1}
    for name in ("deferred_total", "waiting", "account_paused"):
        assert list(values(samples, f"voice_notify_{name}")) == [("other",)]
    assert values(samples, "voice_notify_billing_units_total") == {("unsure", "other"): 5}
    assert not [each for each in samples for label in each.labels.values() if re.search(r"\d{7}|\*", label)]


def test_a_template_that_the_provider_took_has_its_id() -> None:
    """A template needs not be declared to be counted under its id: the provider took a call with it."""
    samples = scrape(lambda: snapshot({"units:7001": 3, "unsure:7001": 1, "unsure:453662": 2}))
    assert values(samples, "voice_notify_billing_units_total") == {
        ("sure", "7001"): 3,
        ("unsure", "7001"): 1,
        ("unsure", "453662"): 2,
    }


def test_histograms_are_cumulative_and_in_seconds() -> None:
    """Buckets are in seconds and cumulative, with their sum and count."""
    samples = scrape(lambda: snapshot({"late:50": 3, "late:1000": 2, "late:inf": 1, "late_ms": 302_500}))
    buckets = {each.labels["le"]: each.value for each in samples if each.name == "voice_notify_lateness_seconds_bucket"}
    assert buckets == {
        **dict.fromkeys(("0.05", "0.1", "0.25", "0.5"), 3),
        **dict.fromkeys(("1", "2.5", "5", "10", "30", "60", "300"), 5),
        "+Inf": 6,
    }
    assert values(samples, "voice_notify_lateness_seconds_count") == {(): 6}
    assert values(samples, "voice_notify_lateness_seconds_sum") == {(): 302.5}


def test_levels_are_those_of_the_reading() -> None:
    """Levels are those of the reading; only the reason for a pause that is has a 1."""
    now = snapshot(
        states={State.DEAD: 4},
        waiting={"gap": 3},
        in_flight=2,
        due=5,
        oldest_due_ms=1500,
        workers=6,
        spent=7,
        pauses=(paused("603"),),
    )
    samples = scrape(lambda: now, budget=8)
    for name, value in {
        "dead_letters": 4,
        "calls_in_flight": 2,
        "due": 5,
        "due_oldest_seconds": 1.5,
        "workers": 6,
        "spent_today_units": 7,
        "daily_budget_units": 8,
        "up": 1,
    }.items():
        assert values(samples, f"voice_notify_{name}") == {(): value}
    assert values(samples, "voice_notify_waiting") == {("gap",): 3}
    assert values(samples, "voice_notify_account_paused") == {("603",): 1}


def test_without_a_budget_there_is_no_metric_of_it() -> None:
    """Without a budget there is no metric of it: an alert on the share of a budget cannot fire."""
    assert not values(scrape(snapshot), "voice_notify_daily_budget_units")


def test_what_can_be_expected_is_there_as_zero() -> None:
    """What can be expected to happen is there as 0 before it does: Prometheus sees no rise in what appears."""
    zeros = {(each.name, *each.labels.values()) for each in scrape(snapshot) if each.value == 0}
    assert {
        ("voice_notify_attempts_total", "603", "account"),
        ("voice_notify_attempts_total", "read-timeout", "unconfirmed"),
        ("voice_notify_ended_total", "unconfirmed", "dead"),
        ("voice_notify_account_paused", "603"),
        ("voice_notify_billing_units_total", "sure", "453662"),
    } <= zeros


def test_a_scrape_is_answered_while_redis_is_away() -> None:
    """While Redis is away a scrape is answered, with `up` 0 and nothing that could be taken for a level."""

    def read() -> Snapshot:
        raise StoreUnavailable("refused")

    assert [(each.name, each.value) for each in scrape(read)] == [("voice_notify_up", 0)]


def test_every_name_has_the_prefix() -> None:
    """Whoever looks for our metrics finds all of them under `voice_notify_`, and none of a library's."""
    assert {each.name.partition("_notify_")[0] for each in scrape(snapshot, budget=1)} == {"voice"}


def test_names_and_units_are_what_prometheus_asks_for() -> None:
    """Its own tool finds nothing to improve: base units, `_total` for counters, a help text for each."""
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("no promtool here (Debian: prometheus)")
    text = exposition(snapshot, budget=1)
    done = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True, check=False)  # noqa: S603
    assert (done.returncode, done.stderr) == (0, "")
