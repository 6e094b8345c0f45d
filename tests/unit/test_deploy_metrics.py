"""`deploy/prometheus` and `deploy/grafana` name metrics that exist, and say what they mean to say."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.support.manifests import run_of_ours, unknown_words
from tests.support.metrics import scrape, snapshot
from tests.support.worker import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

PROMETHEUS, GRAFANA = ROOT / "deploy" / "prometheus", ROOT / "deploy" / "grafana"
DASHBOARD = GRAFANA / "dashboards" / "voice-notify.json"

RUNBOOK = (ROOT / "deploy" / "RUNBOOK.md").read_text(encoding="utf-8")
#: What links to its sections end with.
SECTIONS = {title.lower().replace(" ", "-") for title in re.findall(r"^## (.+)$", RUNBOOK, re.MULTILINE)}

#: Labels that Prometheus adds.
_ADDED = {"job", "instance"}
_SELECTOR = re.compile(r"(voice_notify_\w+)(?:\{([^}]*)\})?")
_MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')
_GROUPING = re.compile(r"\b(?:by|on)\s*\(([^)]*)\)")


def exported() -> dict[str, dict[str, set[str]]]:
    """Each metric's labels, and the values that these have from the first scrape on."""
    found: dict[str, dict[str, set[str]]] = {}
    for sample in scrape(snapshot, budget=1):
        labels = found.setdefault(sample.name, {})
        for name, value in sample.labels.items():
            labels.setdefault(name, set()).add(value)
    return found


def alerts() -> list[dict[str, Any]]:
    """Every alert rule."""
    document = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text(encoding="utf-8"))
    return [rule for group in document["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    """Every panel of the dashboard."""
    found: list[dict[str, Any]] = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    return found


def expressions() -> Iterator[Any]:
    for rule in alerts():
        yield pytest.param(rule["expr"], id=rule["alert"])
    for panel in panels():
        for target in panel["targets"]:
            yield pytest.param(target["expr"], id=f"{panel['title']} {target['refId']}")


@pytest.mark.parametrize("expression", list(expressions()))
def test_every_metric_that_is_named_is_exported(expression: str) -> None:
    """Every metric that an alert or a panel names is exported, with the labels and the values that it asks for."""
    metrics = exported()
    selectors = _SELECTOR.findall(expression)
    known = set(_ADDED)
    for name, matchers in selectors:
        assert name in metrics
        known |= metrics[name].keys()
        for label, operator, value in _MATCHER.findall(matchers):
            assert label in metrics[name].keys() | _ADDED
            if label not in _ADDED:
                wanted = set(value.split("|")) if "~" in operator else {value}
                assert wanted <= metrics[name][label]
    grouped = {label.strip() for labels in _GROUPING.findall(expression) for label in labels.split(",")}
    assert grouped <= known
    assert selectors or 'up{job="voice-notify"}' in expression


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_an_alert_says_what_to_do(rule: dict[str, Any]) -> None:
    """An alert has a summary, a command to run, a section of the runbook, and says whether it may wake someone."""
    notes = rule["annotations"]
    assert notes["summary"]
    assert "`voice-notify " in notes["description"]
    path, _, section = notes["runbook"].partition("#")
    assert (path, section in SECTIONS) == ("deploy/RUNBOOK.md", True)
    assert rule["labels"]["severity"] in {"page", "ticket"}


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_every_command_that_an_alert_names_exists(rule: dict[str, Any]) -> None:
    """The commands that an alert tells a tired person to run are there, with these options."""
    runs = re.findall(r"`(voice-notify [^`]*)`", rule["annotations"]["description"])
    assert runs
    assert [word for run in runs for word in unknown_words(run_of_ours([run]))] == []


def test_each_reason_for_a_pause_has_one_alert() -> None:
    """Whatever the account is paused for, one alert of them all is for it."""
    reasons = exported()["voice_notify_account_paused"]["reason"]
    pauses = [_MATCHER.findall(rule["expr"]) for rule in alerts() if "voice_notify_account_paused{" in rule["expr"]]
    found: list[str] = []
    for ((_, operator, value),) in pauses:
        named = set(value.split("|"))
        found += named if operator in ("=", "=~") else reasons - named
    assert sorted(found) == sorted(reasons)


def test_the_dashboard_can_be_provisioned() -> None:
    """Panels ask the data source that is chosen, have ids and places of their own, and say what they show."""
    found = panels()
    assert len({panel["id"] for panel in found}) == len(found)
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in found}
    assert len(places) == len(found)
    for panel in found:
        assert panel["datasource"]["uid"] == "${datasource}"
        assert panel["description"]
    for path in GRAFANA.glob("provisioning/*/*.yml"):
        assert yaml.safe_load(path.read_text(encoding="utf-8"))["apiVersion"] == 1


_CHECKS = ["check config prometheus.yml", "check rules alerts.yml", "test rules alerts_test.yml"]


@pytest.mark.parametrize("arguments", _CHECKS)
def test_promtool_finds_no_mistake(arguments: str) -> None:
    """Prometheus' own tool finds no mistake, and the alerts fire when they should, and only then."""
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("no promtool here (Debian: prometheus)")
    result = subprocess.run([promtool, *arguments.split()], cwd=PROMETHEUS, capture_output=True, text=True, check=False)  # noqa: S603
    assert result.returncode == 0, result.stdout + result.stderr
