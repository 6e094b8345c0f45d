"""`deploy/RUNBOOK.md` and `deploy/README.md`: at 3 a.m. every command, link and section has to be right."""

from __future__ import annotations

import re
import shlex

import click
import pytest

from tests.support.redis_server import DEPLOY
from voice_notify.cli import LazyCommand, main

RUNBOOK = (DEPLOY / "RUNBOOK.md").read_text(encoding="utf-8")
README = (DEPLOY / "README.md").read_text(encoding="utf-8")
SECTIONS = re.findall(r"^## (.+)$", RUNBOOK, re.MULTILINE)
ANCHORS = {title.lower().replace(" ", "-") for title in SECTIONS}
#: In code of any kind, whole lines of examples and words of a sentence.
_COMMAND = r"(?<![\w./-])(?<!-n )voice-notify ((?:[a-z]+)(?: [^`#;|\n]*)?)"
COMMANDS = sorted({line.strip() for line in re.findall(_COMMAND, RUNBOOK)})


def test_every_alert_finds_its_section() -> None:
    """The anchors that the alerts name are there; so are those of the runbook's own links."""
    wanted = {
        *("balance-spent", "account-suspended", "provider-down", "redis-lost", "workers-down", "late-calls"),
        *("dead-letters", "unconfirmed-calls", "upgrade", "secret-rotation", "number-complaints", "whitelist"),
        "budget-spent",
    }
    alerts = DEPLOY / "prometheus" / "alerts.yml"
    named = re.findall(r"RUNBOOK\.md#([\w-]+)", alerts.read_text(encoding="utf-8")) if alerts.exists() else []
    assert wanted | set(named) == ANCHORS
    assert set(re.findall(r"\]\(#([\w-]+)\)", RUNBOOK)) <= ANCHORS


@pytest.mark.parametrize("title", SECTIONS)
def test_a_section_says_when_it_is_over(title: str) -> None:
    """Every section ends with it."""
    section = RUNBOOK.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    assert "**Over.**" in section


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_is_real(line: str) -> None:
    """Each is a command of ours, with options that it has."""
    words = shlex.split(line)
    command: click.Command = main
    context = click.Context(main)
    while words and isinstance(command, click.Group):
        command = command.get_command(context, words.pop(0)) or pytest.fail(f"no such command: {line}")
        command = command.load() if isinstance(command, LazyCommand) else command
    options = {name for parameter in command.params for name in parameter.opts}
    assert [word for word in words if word.startswith("--") and word not in options] == []


def test_every_link_of_the_readme_leads_somewhere() -> None:
    """Files are beside it."""
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert links
    assert [link for link in links if not (DEPLOY / link).exists()] == []


def test_everything_is_in_the_readme() -> None:
    """Whatever lies in `deploy/` is mentioned, so that nobody has to guess what it is for."""
    made = {"secrets", ".env"}
    names = {path.name for path in DEPLOY.iterdir()} - made - {"README.md"}
    assert [name for name in names if name not in README] == []
