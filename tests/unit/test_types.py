"""What the editor of an application's author knows: every example of the README passes, and wrong calls are refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.readme import CHINESE, ENGLISH, blocks
from tests.support.worker import ROOT

pytest.importorskip("mypy", reason="of the group dev")
pytest.importorskip("basedpyright", reason="of the group dev")

#: Each with mypy's kind of its error. Where there is none, an `ignore` that nothing needs is an error too.
WRONG = """
from datetime import timedelta

from voice_notify import notify

notify.delay(13800138000, "453662", ["a"])  # type: ignore[arg-type]
notify.delay("13800138000", "453662", "a")  # type: ignore[arg-type]
notify.delay("13800138000", "453662", [1])  # type: ignore[list-item]
notify.delay("13800138000")  # type: ignore[call-arg]
notify.delay("13800138000", "453662", [], on_unconfirmed="resendd")  # type: ignore[arg-type]
notify.delay("13800138000", "453662", keyy="k")  # type: ignore[call-arg]
notify.delay("13800138000", "453662", countdown=5)  # type: ignore[call-arg]
notify.apply_async(("13800138000", "453662"), expire=5)  # type: ignore[call-arg]
notify.apply_async(("13800138000", "453662"), priority="9")  # type: ignore[arg-type]
notify.apply_async(("13800138000", "453662"), {"keyy": "k"})  # type: ignore[arg-type]
notify.apply_async(("13800138000", "453662"), eta=timedelta(1))  # type: ignore[arg-type]
notify.s("13800138000", "453662", keyy="k")  # type: ignore[call-arg]
notify.map([("13800138000", "453662")])  # type: ignore[attr-defined]
notify.delya("13800138000", "453662")  # type: ignore[attr-defined]
notify.delay("13800138000", "453662").etaa  # type: ignore[attr-defined]
notify.on_commit(("13800138000", "453662"), expire=5)  # type: ignore[call-arg]
notify.adelay("13800138000", "453662", keyy="k")  # type: ignore[call-arg, unused-coroutine]
notify.aapply_async(("13800138000", "453662"), priority="9")  # type: ignore[arg-type, unused-coroutine]

from voice_notify import notfy  # type: ignore[attr-defined]
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
state: str = r.state
ended: tuple[bool, bool, bool] = (r.ready(), r.successful(), r.failed())
r.get(timeout=5, propagate=False)
r.revoke()
"""
#: pyright as its strict users have it; basedpyright is the same in a wheel, with what it needs.
PYRIGHT = {
    "typeCheckingMode": "strict",
    "enableTypeIgnoreComments": True,
    "reportUnnecessaryTypeIgnoreComment": "error",
    "reportUnusedExpression": "none",  # `r.id, r.eta` in the README
    "reportDuplicateImport": "none",  # examples are joined
    "extraPaths": [str(ROOT / "worker")],
}


def checked(folder: Path, text: str, *checker: str) -> subprocess.CompletedProcess[str]:
    """A checker, a Python program, on a file of an application."""
    (folder / "application.py").write_text(text, encoding="utf-8")
    (folder / "pyrightconfig.json").write_text(json.dumps(PYRIGHT), encoding="utf-8")
    environment = {"MYPYPATH": str(ROOT / "worker"), "PATH": "", "HOME": str(folder)}
    command = [sys.executable, "-m", *checker]
    return subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder, env=environment)  # noqa: S603 - a checker


@pytest.mark.timeout(300)  # they read the whole package
@pytest.mark.parametrize(
    "checker",
    [
        ("mypy", "--strict", "--follow-imports=silent", "--config-file=", "--cache-dir=.", "application.py"),
        ("basedpyright", "--pythonpath", sys.executable),
    ],
    ids=["mypy", "pyright"],
)
def test_examples_pass_and_wrong_calls_are_refused(tmp_path: Path, checker: tuple[str, ...]) -> None:
    """As an application's author runs a type checker."""
    examples = {
        document: "\n".join(each.text for each in blocks(document) if each.language == "python")
        for document in (ENGLISH, CHINESE)
    }
    assert "notify.delay" in examples[ENGLISH]
    for text in {*examples.values(), RIGHT, WRONG}:
        done = checked(tmp_path, text, *checker)
        assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"


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
