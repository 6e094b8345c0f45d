"""The command line as a whole: its help, its errors, and how it shows things."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import click
import pytest

from tests.support.cli import Cli, command_line
from tests.support.clock import DAY, HOUR, MINUTE, NOON, SECOND
from voice_notify import __version__
from voice_notify import cli as package
from voice_notify.cli import LazyCommand, main
from voice_notify.cli.click_options import confirm, parse_duration
from voice_notify.cli.rendering import output, times
from voice_notify.cli.rendering.progress import progress
from voice_notify.errors import SettingsError, StoreUnavailable

#: The commands for operators and developers; the others are for a look at the product.
OURS = [name for name in main.commands if name not in {"demo", "sandbox"}]
#: Commands that change something and show no more than that, and one whose exit code is its answer.
WITHOUT_JSON = {"cancel", "replay", "purge", "pause", "resume", "metrics", "health"}
#: What a terminal says about itself; some of it also where the output is no terminal.
TERMINAL_VARIABLES = [
    "COLUMNS",
    "LINES",
    "TERM",
    "COLORTERM",
    "NO_COLOR",
    "FORCE_COLOR",
    "CLICOLOR_FORCE",
    "TTY_COMPATIBLE",
]


def loaded(name: str) -> click.Command:
    """The command itself."""
    lazy = main.commands[name]
    assert isinstance(lazy, LazyCommand)
    return lazy.load()


def leaves(command: click.Command, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The ways to all commands below `command`, itself included if there are none."""
    if not isinstance(command, click.Group):
        yield path
        return
    for name, child in command.commands.items():
        yield from leaves(child, (*path, name))


LEAVES = [path for name in OURS for path in leaves(loaded(name), (name,))]


def test_help_loads_no_heavy_library() -> None:
    """The list of commands is shown without loading Celery, Redis, pydantic or rich."""
    program = (
        "import sys; from voice_notify.cli import main; main(['--help'], standalone_mode=False); "
        "print(sorted({'celery', 'redis', 'pydantic', 'rich', 'starlette'} & sys.modules.keys()))"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout  # noqa: S603
    assert shown.splitlines()[-1] == "[]"
    assert all(f"\n  {name} " in shown for name in main.commands)


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_each_command_has_an_example(cli: Cli, path: tuple[str, ...]) -> None:
    """The help of each command has an example of it."""
    assert f"voice-notify {' '.join(path)}" in cli.run(*path, "--help").stdout.partition("Examples:")[2]


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_commands_that_read_print_json(path: tuple[str, ...]) -> None:
    """Each command that shows what a program may want to read has `--json`."""
    command = loaded(path[0])
    for name in path[1:]:
        assert isinstance(command, click.Group)
        command = command.commands[name]
    options = {name for parameter in command.params for name in parameter.opts}
    assert ("--json" in options) == (path[-1] not in WITHOUT_JSON)


def test_version_is_that_of_the_package(cli: Cli) -> None:
    """`--version` tells the version of the package."""
    assert cli.lines("--version") == [f"voice-notify, version {__version__}"]


def test_an_unknown_command_is_wrong_use(cli: Cli) -> None:
    """A mistake in the use of the command line is exit code 2."""
    assert cli.run("sned").exit_code == 2


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (StoreUnavailable("Redis cannot be used: refused"), "Error: Redis cannot be used: refused\n"),
        (SettingsError("max_calls = 0: is too small"), "Error: max_calls = 0: is too small\n"),
    ],
)
def test_an_error_of_ours_is_one_line(cli: Cli, monkeypatch: pytest.MonkeyPatch, error: Exception, shown: str) -> None:
    """An error of this package is a line on stderr and exit code 1."""

    def fail(_: str) -> None:
        raise error

    monkeypatch.setattr(cli.account.ledger, "explain", fail)
    result = cli.run("status", "5f1e")
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", shown)


def test_a_bad_setting_is_named_on_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that meets a bad setting tells which, and never the secret."""
    with command_line(monkeypatch, app_secret="hush-hush", max_call="3") as cli:
        result = cli.run("send", "13800001234", "453662", "张三", "3号楼")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: VOICE_NOTIFY_MAX_CALL: there is no such setting")
    assert "hush-hush" not in result.output


@pytest.mark.parametrize(
    ("command", "module", "extra"),
    [("sandbox", "starlette", "sandbox"), ("demo", "fakeredis", "demo"), ("status", "rich", "worker")],
)
def test_a_missing_extra_says_how_to_install_it(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, command: str, module: str, extra: str
) -> None:
    """A command whose extra is not installed says how to install it."""

    def import_module(_: str) -> None:
        raise ModuleNotFoundError(f"No module named '{module}'", name=module)

    monkeypatch.setattr(package, "import_module", import_module)
    result = cli.run(command)
    assert result.exit_code == 1
    assert result.stderr == f"Error: {module} is not installed: pip install 'voice-notify[{extra}]'\n"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("90s", 90), ("30m", 1800), ("2h", 7200), ("1.5h", 5400), ("1d", 86_400), ("0", 0)],
)
def test_a_duration_is_seconds_or_has_a_unit(text: str, seconds: float) -> None:
    """A duration is seconds, or has a unit."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "h", "-5", "1w", "1 h", "1h30m", "nan", "٣"])
def test_what_is_no_duration_is_wrong_use(cli: Cli, text: str) -> None:
    """What is no duration is a mistake in the use of the option."""
    result = cli.run("send", "13800001234", "453715", f"--expires={text}")
    assert result.exit_code == 2
    assert "Invalid value for '--expires'" in result.stderr
    assert "is not a duration like 90s, 30m, 2h or 1d" in result.stderr


def test_no_answer_is_not_a_yes() -> None:
    """A question that nobody can answer is not taken for a yes."""

    @click.command()
    def ask() -> None:
        confirm("Sure?", yes=False)
        click.echo("done")

    result = click.testing.CliRunner().invoke(ask, input="")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "nothing was done" in result.stderr


@pytest.mark.parametrize(
    ("ms", "shown"),
    [
        (NOON, "12:00:00"),
        (NOON + 2 * HOUR + 5 * MINUTE + 6 * SECOND + 999, "14:05:06"),
        (NOON + 12 * HOUR - 1, "23:59:59"),
        (NOON + 12 * HOUR, "2025-06-02 00:00:00"),
        (NOON - 12 * HOUR - 1, "2025-05-31 23:59:59"),
    ],
)
def test_a_time_has_its_date_unless_it_is_today(monkeypatch: pytest.MonkeyPatch, ms: int, shown: str) -> None:
    """Today is what the zone of the time has, not this host's."""

    class Today(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Today:
            return cls.fromtimestamp(NOON / 1000, tz)

    monkeypatch.setattr(times, "datetime", Today)
    assert times.show_time(datetime.fromtimestamp(ms / 1000, ZoneInfo("Asia/Shanghai"))) == shown


def test_times_are_shown_in_the_configured_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The setting `timezone` decides in which zone times are shown, to people and to programs."""
    with command_line(monkeypatch, timezone="Europe/Berlin") as cli:
        cli.account.submit(id="n1")
        assert "submitted 2025-06-01 06:00:00" in cli.lines("status", "n1")
        assert cli.json("status", "n1")["created_at"] == "2025-06-01T06:00:00.000+02:00"


@pytest.mark.parametrize(
    ("ms", "shown"),
    [
        (0, "0 s"),
        (-5 * SECOND, "0 s"),
        (12_400, "12 s"),
        (61 * SECOND, "1 min 1 s"),
        (2 * HOUR, "2 h"),
        (3 * HOUR + 20 * MINUTE + 59 * SECOND, "3 h 20 min"),
        (DAY + 5 * SECOND, "1 d 5 s"),
    ],
)
def test_a_span_is_shown_in_its_two_greatest_units(ms: int, shown: str) -> None:
    """A length of time is shown in its two greatest units."""
    assert times.show_span(timedelta(milliseconds=ms)) == shown


def test_tables_are_aligned_and_plain(capsys: pytest.CaptureFixture[str]) -> None:
    """Columns line up by width on the screen; long and odd cells stay as they are where no terminal is."""
    output.print_table(("name", "text"), [("张三", "[red]x[/red] :smile:"), ("ab", "y" * 300)])
    assert capsys.readouterr().out.splitlines() == [
        "  name  text",
        "  张三  [red]x[/red] :smile:",
        f"  ab    {'y' * 300}",
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [("COLUMNS", "20"), ("NO_COLOR", "1"), ("FORCE_COLOR", "1"), ("TTY_COMPATIBLE", "1"), ("TERM", "dumb")],
)
def test_off_a_terminal_output_depends_on_no_variable_of_it(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """What a program reads is the same wherever it runs: never folded, and without colours."""
    for each in TERMINAL_VARIABLES:
        monkeypatch.delenv(each, raising=False)
    cli.account.submit(id="n1", params=("张三" * 60, "3号楼"))
    commands = [("explain", "n1"), ("list",), ("stats",), ("account", "show"), ("status", "n1", "--json")]
    plain = [cli.run(*command).stdout for command in commands]
    monkeypatch.setenv(name, value)
    assert [cli.run(*command).stdout for command in commands] == plain
    assert "\x1b" not in "".join(plain)


@pytest.mark.parametrize("locale", ["C", "POSIX", "C.UTF-8"])
def test_chinese_is_printed_in_any_locale(locale: str) -> None:
    """A container often has no locale."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG", "PYTHON"))}
    environment = ours | {"LC_ALL": locale, "PYTHONPATH": os.pathsep.join(sys.path)}
    program = [sys.executable, "-c", "from voice_notify.cli import main; main(['--help'])"]
    shown = subprocess.run(program, env=environment, capture_output=True, check=True).stdout  # noqa: S603 - ours
    assert "张三" in shown.decode()


def test_progress_is_plain_lines_without_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a terminal, long work shows a plain line every two seconds, on stderr."""
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    with progress("rows") as show:
        for done in range(1000, 6000, 1000):
            now += 1.0
            show(done, done / 10_000)
        now += 2.0
        show(6000, None)
    assert capsys.readouterr() == ("", "2,000 rows, 20%\n4,000 rows, 40%\n6,000 rows\n")
