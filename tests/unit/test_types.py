"""What the editor of an application's author knows: every example of the README passes, and wrong calls are refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.readme import CHINESE, ENGLISH, blocks
from tests.support.worker import ROOT

pytest.importorskip("mypy", reason="of the group dev")

#: Each with the kind of its error: where there is none, an `ignore` that nothing needs is an error itself.
WRONG = """
from voice_notify import notify

notify.delay(13800138000, "453662", ["a"])  # type: ignore[arg-type]
notify.delay("13800138000", "453662", "a")  # type: ignore[arg-type]
notify.delay("13800138000", "453662", [1])  # type: ignore[list-item]
notify.delay("13800138000")  # type: ignore[call-arg]
notify.delay("13800138000", "453662", keyy="k")  # type: ignore[call-arg]
notify.delay("13800138000", "453662", countdown=5)  # type: ignore[call-arg]
notify.apply_async(("13800138000", "453662"), expire=5)  # type: ignore[call-arg]
notify.apply_async(("13800138000", "453662"), priority="9")  # type: ignore[arg-type]
notify.apply_async(("13800138000", "453662"), {"keyy": "k"})  # type: ignore[arg-type]
notify.on_commit(("13800138000", "453662"), expire=5)  # type: ignore[call-arg]
notify.adelay("13800138000", "453662", keyy="k")  # type: ignore[call-arg, unused-coroutine]
notify.aapply_async(("13800138000", "453662"), priority="9")  # type: ignore[arg-type, unused-coroutine]
"""
#: What an application gets, and from where.
RIGHT = """
from datetime import datetime

import voice_notify
from voice_notify import BulkResult, Explanation, NotifyResult, Record, explain, notify, status

r: NotifyResult = notify.delay("13800138000", "453662", ["a"], key="k")
id_: str = r.id
eta: datetime | None = r.eta
duplicate: bool = r.duplicate
record: Record = status(id_)
explained: Explanation = explain(id_)
result: BulkResult = notify.bulk([("13800138000", "453662", ["a"])])
error: type[Exception] = voice_notify.KeyConflict
"""


def check(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    """`mypy --strict` on a file of an application."""
    module = folder / "application.py"
    module.write_text(text, encoding="utf-8")
    environment = {"MYPYPATH": str(ROOT / "worker"), "PATH": ""}
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--follow-imports=silent",
        "--config-file=",
        f"--cache-dir={folder}",
        str(module),
    ]
    return subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder, env=environment)  # noqa: S603 - mypy


@pytest.mark.timeout(300)  # it reads the whole package
def test_examples_pass_and_wrong_calls_are_refused(tmp_path: Path) -> None:
    """By `mypy --strict`, as an application would run it."""
    examples = {
        document: [each.text for each in blocks(document) if each.language == "python"]
        for document in (ENGLISH, CHINESE)
    }
    assert examples[ENGLISH]
    assert examples[CHINESE]
    for text in ("\n".join(examples[ENGLISH]), "\n".join(examples[CHINESE]), RIGHT, WRONG):
        checked = check(tmp_path, text)
        assert checked.returncode == 0, f"{text}\n{checked.stdout}{checked.stderr}"


def test_help_is_for_the_caller() -> None:
    """`help(notify)` and `dir(voice_notify)` name what an application uses."""
    code = "import voice_notify; print(dir(voice_notify)); help(voice_notify.notify); help(voice_notify.notify.delay)"
    environment = {"PYTHONPATH": str(ROOT / "worker"), "VOICE_NOTIFY_APP_ID": "a", "PATH": ""}
    shown = subprocess.run(  # noqa: S603 - this interpreter
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT, env=environment
    ).stdout
    for name in ("BulkResult", "Explanation", "NotifyResult", "Record", "cancel", "explain", "notify", "status"):
        assert name in shown.splitlines()[0]
    assert "Rings a phone once, soon" in shown
    assert "delay(mobile, template_id, params" in shown
    assert "third-party" not in shown
