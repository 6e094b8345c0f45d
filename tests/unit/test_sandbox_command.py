"""The command line of the sandbox: its help, its options, its end."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from tests.support.sandbox import PATIENCE_SECONDS, eventually, run_sandbox
from voice_notify.sandbox.command import sandbox as command
from voice_notify.sandbox.faults import magic_number_table

if TYPE_CHECKING:
    from pathlib import Path

MOBILE = "13800138000"
OTHER = "13900139000"


def test_help_lists_the_magic_numbers() -> None:
    """`--help` says of each magic number what it does."""
    text = CliRunner().invoke(command, ["--help"]).output
    for digits, meaning in magic_number_table():
        assert f"…{digits}  {meaning}\n" in text


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--faults", '{"rules": [{"action": 500}]}'], "either percent or count"),
        (["--templates", "no-such-file.toml"], "does not exist"),
        (["--templates", "{file}"], "there is no [templates.ID] table"),
        (["--max-calls", "0"], "--max-calls"),
    ],
)
def test_bad_options_are_explained(tmp_path: Path, options: list[str], complaint: str) -> None:
    """A bad option ends the command with exit code 2 and a message that says what is wrong."""
    file = tmp_path / "templates.toml"
    file.write_text("x = 1", encoding="utf-8")
    result = CliRunner().invoke(
        command, [option.format(file=file) if "{file}" in option else option for option in options]
    )
    assert result.exit_code == 2
    assert complaint in result.output


def test_a_taken_port_is_explained() -> None:
    """If the port is in use, the command fails with exit code 1 and names the port."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = CliRunner().invoke(command, ["--port", str(port)])
    assert result.exit_code == 1
    assert f"127.0.0.1:{port}" in result.output


def test_options_are_obeyed(tmp_path: Path) -> None:
    """Limits, balance, templates, faults and magic numbers are as the options say."""
    file = tmp_path / "templates.toml"
    file.write_text('[templates.453662]\ntext = "{1}{2}"', encoding="utf-8")
    faults = '{"rules": [{"action": 501, "count": 1}]}'
    limits = ("--gap", "0", "--max-calls", "2", "--window", "3600", "--balance", "3")
    with run_sandbox(*limits, "--templates", str(file), "--no-magic-numbers", "--faults", faults) as sandbox:
        assert sandbox.call(MOBILE, templateId="1")["msg"] == "模板不存在"
        assert [sandbox.call(MOBILE)["code"] for _ in range(4)] == [501, 200, 200, 606]
        assert [sandbox.call(mobile)["code"] for mobile in ("13800130500", OTHER)] == [200, 603]


def test_the_account_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """`VOICE_NOTIFY_APP_ID` and `VOICE_NOTIFY_APP_SECRET` set the account where no option does."""
    monkeypatch.setenv("VOICE_NOTIFY_APP_ID", "someone")
    monkeypatch.setenv("VOICE_NOTIFY_APP_SECRET", "a-secret")
    with run_sandbox() as sandbox:
        assert sandbox.call(MOBILE)["msg"] == "appId不正确"
    with run_sandbox("--app-id", "sandbox") as sandbox:
        assert sandbox.call(MOBILE)["msg"] == "签名错误"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly(number: signal.Signals) -> None:
    """A signal ends the sandbox with exit code 0 although requests hang; it has logged nothing, so no number either."""
    faults = '{"rules": [{"action": "cut", "count": 1}, {"action": "hang", "count": 1}], "network_delay": [0, 0.01]}'
    with run_sandbox("--faults", faults) as sandbox, closing(sandbox.send(MOBILE)), closing(sandbox.send(OTHER)):
        assert eventually(lambda: len(sandbox.get("/calls")) == 2)
        sandbox.process.send_signal(number)
        assert sandbox.process.wait(PATIENCE_SECONDS) == 0
    assert sandbox.log == ""


def test_a_signal_right_after_the_start_is_not_lost() -> None:
    """The sandbox ends cleanly even if it is told to as soon as it has announced itself."""
    with run_sandbox() as sandbox:
        pass
    assert sandbox.process.returncode == 0


def test_the_sandbox_shares_no_code_with_what_it_judges() -> None:
    """Importing all of the sandbox imports no other module of this package."""
    program = (
        "import sys, voice_notify.sandbox.command, voice_notify.sandbox.server\n"
        "print([name for name in sys.modules if name.startswith('voice_notify.') and '.sandbox' not in name])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout == "[]\n"
