"""`deploy/RUNBOOK.md` and `deploy/README.md`: at 3 a.m. every section has to be right.

Their commands and links are tests in `test_documents.py`.
"""

from __future__ import annotations

import re

import pytest

from tests.support.redis_server import DEPLOY

RUNBOOK = (DEPLOY / "RUNBOOK.md").read_text(encoding="utf-8")
README = (DEPLOY / "README.md").read_text(encoding="utf-8")
SECTIONS = re.findall(r"^## (.+)$", RUNBOOK, re.MULTILINE)
ANCHORS = {title.lower().replace(" ", "-") for title in SECTIONS}


def test_every_alert_finds_its_section() -> None:
    """The anchors that the alerts name are there; so are those of the runbook's own links."""
    wanted = {
        *("balance-spent", "account-suspended", "provider-down", "redis-lost", "workers-down", "late-calls"),
        *(
            "dead-letters",
            "messages-set-aside",
            "unconfirmed-calls",
            "upgrade",
            "secret-rotation",
            "number-complaints",
            "whitelist",
        ),
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


def test_everything_is_in_the_readme() -> None:
    """Whatever lies in `deploy/` is mentioned, so that nobody has to guess what it is for."""
    made = {"secrets", ".env"}
    names = {path.name for path in DEPLOY.iterdir()} - made - {"README.md"}
    assert [name for name in names if name not in README] == []
