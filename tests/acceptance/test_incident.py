"""The balance runs out in the middle of a campaign, and an operator puts it right with the commands only."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.support.deployment import Deployment, deploy, new_mobile
from tests.support.incident import CAMPAIGN, LONG_TEMPLATE, Terminal, commands_of, write_campaign
from tests.support.sandbox import eventually
from tests.support.worker import ROOT
from voice_notify.domain.states import State

if TYPE_CHECKING:
    from collections.abc import Iterator

ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yml"
ALERT = "VoiceNotifyBalanceSpent"
TRANSCRIPT = ROOT / "deploy" / "INCIDENT.md"
#: Set it to a file, and the transcript is written there.
WRITE = os.environ.get("TRANSCRIPT")

NUMBERS = 120
BALANCE, TOP_UP = 130, 500

INTRODUCTION = """\
# An incident: the balance runs out in the middle of a campaign

What an operator saw and did, from the alert to the last billing unit: [Balance spent](RUNBOOK.md#balance-spent),
acted out. The commands and their output are real; `grep` stands where lines were left out. The provider is the
sandbox; the test asked it at `/sandbox/…`, as `curl` would. Its windows are shortened (0.3 s between two calls to a
number, three in 2 s), the night takes seconds, and the first probe comes after 3 min instead of 1.
`tests/acceptance/test_incident.py` does all this again and checks each step; `TRANSCRIPT=deploy/INCIDENT.md` before
`pytest tests/acceptance/test_incident.py` rewrites this file."""


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    """A deployment whose breaker sends no probe within the test."""
    with deploy(tmp_path, breaker_cooldown=180, breaker_cooldown_max=900) as deployment:
        deployment.start_worker()
        deployment.script(latency=0.05)
        yield deployment


def test_an_operator_puts_a_spent_balance_right_with_commands_only(deployment: Deployment) -> None:
    """Paused, paged, topped up, resumed, replayed: each notification rings once, and every unit is found again."""
    terminal = Terminal(deployment, [INTRODUCTION])
    mobiles = [new_mobile() for _ in range(NUMBERS)]
    write_campaign(deployment.folder / CAMPAIGN, mobiles)

    cost = start_campaign(deployment, terminal)
    assert eventually(lambda: is_still(deployment))
    dead, waiting = look(terminal)
    assert dead + waiting + done(terminal) == cost["good"]
    left = mend(terminal, dead)
    assert eventually(lambda: deployment.operator.counts()[State.ACCEPTED] == cost["good"])
    reconcile(terminal, cost, left)

    assert Counter(call["mobile"] for call in placed(deployment)) == Counter(rows(deployment.folder / CAMPAIGN))
    assert deployment.violations() == []
    if WRITE:
        Path(WRITE).write_text("\n".join(terminal.text) + "\n", encoding="utf-8")
    assert commands_of(TRANSCRIPT.read_text(encoding="utf-8")) == commands_of("\n".join(terminal.text))


def start_campaign(deployment: Deployment, terminal: Terminal) -> dict[str, Any]:
    """What the campaign will cost, asked before it is sent."""
    deployment.sandbox.ask("POST", "/balance", {"units": BALANCE})
    terminal.think("A campaign for tonight. What will it cost?")
    terminal.run("send", "--csv", CAMPAIGN, "--dry-run")
    cost: dict[str, Any] = terminal.read("send", "--csv", CAMPAIGN, "--dry-run")
    assert BALANCE < cost["units"] < BALANCE + TOP_UP
    assert (cost["refused"], cost["units_are_exact"], cost["expire"]) == ([], True, 0)
    terminal.think("Nobody looks at the balance. Off it goes.")
    terminal.run("send", "--csv", CAMPAIGN)
    return cost


def is_still(deployment: Deployment) -> bool:
    """Whether the account is paused, and nothing is on the wire."""
    return deployment.operator.account() is not None and not deployment.operator.counts()[State.CALLING]


def look(terminal: Terminal) -> tuple[int, int]:
    """What the operator sees while calls do not go out; how many notifications died of it, and how many wait."""
    description = alert()["annotations"]["description"].strip()
    terminal.think(f"In the night, the pager: **{ALERT}**: {alert()['annotations']['summary']} {description} Is it so?")
    terminal.run("account", "show")
    shown = terminal.read("account", "show")
    assert (shown["paused"], shown["pause"]["reason"]) == (True, "603")
    assert "Top up" in shown["next_steps"][0]
    terminal.think("It is. What did the alert see?")
    assert fires(terminal.run("metrics", "--once", only="^voice_notify_(account_paused.*1.0|dead_letters|due )"))
    terminal.think("How much has gone out, and what is left of the campaign?")
    terminal.run("stats", "--days", "1")
    now = terminal.read("stats")["now"]
    assert (now["paused"]["reason"], now["calling"], now["workers"]) == ("603", 0, 1)
    terminal.think("What was refused?")
    terminal.run("dlq", "list", "--limit", "3")
    letters = terminal.read("dlq", "list", "--limit", "0")
    assert [(each["code"], each["reason"]) for each in letters["summary"]] == [("603", "account")]
    terminal.think("And one that is waiting: does it have a deadline to miss?")
    terminal.run(
        "explain", terminal.read("list", "--state", "waiting", "--limit", "1")["lists"][0]["notifications"][0]["id"]
    )
    return now["dead"], now["waiting"]


def done(terminal: Terminal) -> int:
    """How many notifications were accepted."""
    ended = terminal.read("stats")["since_ever"]["ended"]
    return sum(each["count"] for each in ended if each["state"] == "accepted")


def alert() -> dict[str, Any]:
    """The rule that pages."""
    document = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))
    (rule,) = (rule for group in document["groups"] for rule in group["rules"] if rule.get("alert") == ALERT)
    return dict(rule)


def fires(metrics: str) -> bool:
    """Whether the alert does if these metrics stay so, by Prometheus' own tool; without it, whether its series is 1."""
    families = list(text_string_to_metric_families(metrics))
    paused = [sample for each in families for sample in each.samples if sample.name == "voice_notify_account_paused"]
    assert [sample.labels["reason"] for sample in paused if sample.value] == ["603"]
    promtool = shutil.which("promtool")
    if promtool is None:
        return True
    series = [f'{each.name}{{reason="{each.labels["reason"]}",job="voice-notify"}}' for each in paused]
    rule = alert()
    labels, notes = rule["labels"] | {"job": "voice-notify"}, rule["annotations"]
    expected = {"exp_labels": labels, "exp_annotations": notes}
    test = {
        "interval": "15s",
        "input_series": [
            {"series": name, "values": f"{sample.value:g}x8"} for name, sample in zip(series, paused, strict=True)
        ],
        "alert_rule_test": [{"eval_time": "1m", "alertname": ALERT, "exp_alerts": [expected]}],
    }
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "test.yml"
        file.write_text(yaml.safe_dump({"rule_files": [str(ALERTS)], "tests": [test]}), encoding="utf-8")
        command = [promtool, "test", "rules", str(file)]
        return subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode == 0  # noqa: S603


def mend(terminal: Terminal, dead: int) -> int:
    """Top up, resume, replay; the units that were left."""
    terminal.think("So what was refused is a dead letter, and everything else kept its place. First the money.")
    left: int = terminal.sandbox("/balance")["units"]
    terminal.sandbox("/balance", {"units": TOP_UP})
    terminal.think("Let calls out, then replay what was refused; a dry run shows first what that would be.")
    terminal.run("account", "resume")
    assert f"would replay {dead};" in terminal.run("dlq", "replay", "--reason", "account", "--dry-run")
    assert f"replay: {dead} done" in terminal.run("dlq", "replay", "--reason", "account", "--yes")
    return left


def reconcile(terminal: Terminal, cost: dict[str, Any], left: int) -> None:
    """Nothing is left over, and the provider, the ledger and the dry run name the same units."""
    terminal.think("A little later. Is it over?")
    terminal.run("account", "show")
    terminal.run("dlq", "list")
    assert not terminal.read("account", "show")["paused"]
    assert terminal.read("dlq", "list")["total"] == 0
    terminal.think("And does it add up: the dry run, our counters, the provider's bill?")
    terminal.run("stats", "--days", "1", only="submitted|replayed|accepted|account  |603|453")
    billed = terminal.sandbox("/summary")["units"]
    remain = terminal.sandbox("/balance")["units"]
    spent = BALANCE - left + TOP_UP - remain
    stats = terminal.read("stats")
    units = stats["since_ever"]["units"]
    assert units == {template: each["units"] for template, each in cost["templates"].items()}
    assert (spent, billed, sum(units.values()), stats["now"]["spent_today"]) == (cost["units"],) * 4
    assert stats["since_ever"]["unsure_units"] == {}
    terminal.think(
        f"It does: {BALANCE} before, {left} left, then {TOP_UP}, now {remain}: {spent} units are gone, as the "
        f"provider's bill, our counters and the dry run all say; {units[LONG_TEMPLATE]} of them for "
        f"{LONG_TEMPLATE}. Back to bed."
    )


def placed(deployment: Deployment) -> list[dict[str, Any]]:
    """The calls that the provider placed."""
    return [call for call in deployment.sandbox.get("/calls") if call["placed"]]


def rows(file: Path) -> list[str]:
    """The number of each row of a campaign."""
    return [line.partition(",")[0] for line in file.read_text(encoding="utf-8").splitlines()[1:]]
