"""The command line, `voice-notify`.

    notify/         send (one, a CSV file, its dry run), status, explain, cancel, list
    number.py       number
    dlq/            dlq list, show, export, replay, purge
    account.py      account show, pause, resume
    operate/        stats, metrics, doctor, health
    rendering/      what people see: sentences, tables, colours, progress
    click_options.py, ctrl_c.py   what several commands share

What programs read with `--json` is made in `voice_notify.documents`. A command is imported when it is asked for:
`voice-notify --help` loads neither Celery nor Redis, and the base install, an application's, has no part of the extras.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click

from voice_notify import __version__
from voice_notify.errors import UnknownNotification, VoiceNotifyError
from voice_notify.extras import not_installed

#: Where each command is, and its line in the list of commands.
_COMMANDS = {
    "demo": ("voice_notify.demo.command:demo", "Watch it work: a sandbox, a worker and a mixed batch."),
    "sandbox": ("voice_notify.sandbox.command:sandbox", "Run a stand-in for the provider to develop against."),
    "send": ("voice_notify.cli.notify.send:command", "Submit one notification, or a CSV file of them."),
    "status": ("voice_notify.cli.notify.status:status", "Show a notification's state, attempts and answer."),
    "explain": (
        "voice_notify.cli.notify.status:explain",
        "Tell what happened to a notification and what comes next.",
    ),
    "cancel": ("voice_notify.cli.notify.cancel:command", "Withdraw notifications."),
    "list": ("voice_notify.cli.notify.listing:command", "List notifications by state."),
    "number": ("voice_notify.cli.number:command", "Show a number's calls, limits and line."),
    "dlq": ("voice_notify.cli.dlq.group:group", "List, export, replay and purge the dead letters."),
    "account": ("voice_notify.cli.account:group", "Show, pause and resume the account."),
    "stats": ("voice_notify.cli.operate.stats:command", "Show the current situation, and what happened day by day."),
    "metrics": ("voice_notify.cli.operate.metrics:command", "Serve the counters to Prometheus."),
    "doctor": ("voice_notify.cli.operate.doctor:command", "Check settings, Redis, broker, provider and workers."),
    "health": (
        "voice_notify.cli.operate.health:command",
        "Tell whether this host's worker is alive, for health checks.",
    ),
}

#: Commands that need an extra of their own; the others need `worker`.
_EXTRAS = {"demo": "demo", "sandbox": "sandbox"}

_EPILOG = """\b
First steps:
  voice-notify demo                                watch it work, without an account
  voice-notify doctor                              check this installation
  voice-notify send 13800001234 453662 张三 3号楼  call a phone

Settings are VOICE_NOTIFY_* in the environment, then config/voice-notify.toml. Exit codes: 0 done, 1 failed, 2 usage.
"""


class LazyCommand(click.Command):
    """Stands for a command of another module until that is run or asked for its help."""

    def __init__(self, name: str, where: str, line: str) -> None:
        super().__init__(name, help=line)
        self._where = where

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,  # noqa: ANN401 - click's
    ) -> click.Context:
        """The context of the command itself: click goes on with that."""
        return self.load().make_context(info_name, args, parent, **extra)

    def load(self) -> click.Command:
        """The command itself."""
        module, _, attribute = self._where.partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command


class Main(click.Group):
    """The commands in the order of the table; an error that a person can act on is one line, not a traceback."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Their names, in order."""
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's
        """Run the command."""
        try:
            return super().invoke(ctx)
        except UnknownNotification as error:
            raise click.ClickException(
                f"there is no notification {error}: it never existed, or its retention is over"
            ) from error
        except VoiceNotifyError as error:
            raise click.ClickException(str(error)) from error
        except ModuleNotFoundError as error:
            raise not_installed(error, _EXTRAS.get(ctx.invoked_subcommand or "", "worker")) from error


@click.group(
    cls=Main,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    commands=[LazyCommand(name, *rest) for name, rest in _COMMANDS.items()],
    epilog=_EPILOG,
)
@click.version_option(__version__, prog_name="voice-notify")
def main() -> None:
    """Voice notifications that ring once."""
