"""`--json`: what each command prints is a model of `voice_notify.documents`, which knows of no terminal."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import click
import pytest
from pydantic import create_model

from tests.support.account import ACCEPTED, NO_BALANCE, REFUSED, UNCONFIRMED, Account, other_number
from tests.support.cli import Cli, command_line
from tests.support.clock import HOUR
from voice_notify import documents
from voice_notify.cli import LazyCommand, main
from voice_notify.documents.account import AccountDocument
from voice_notify.documents.dead_letter import DeadLetterDocument, DeadLetterListDocument
from voice_notify.documents.doctor import DoctorDocument
from voice_notify.documents.document import Document
from voice_notify.documents.dry_run import DryRunDocument
from voice_notify.documents.notification import ExplanationDocument, NotificationDocument, StatusDocument
from voice_notify.documents.notification_list import NotificationListDocument
from voice_notify.documents.number import NumberDocument
from voice_notify.documents.statistics import StatisticsDocument
from voice_notify.documents.submission import SubmittedDocument, SubmittedFileDocument

MODULES = [f"{documents.__name__}.{module.name}" for module in iter_modules(documents.__path__)]
FILE = "mobile,template_id,param1,param2\n13800001234,453662,张三,3号楼\n13800001235,1,x\n138,453662,张三,3号楼\n"

#: What programs read: a command with its arguments, and the model of what it prints.
PRINTED: list[tuple[tuple[str, ...], type[Document]]] = [
    (("status", "scheduled"), StatusDocument),
    (("status", "accepted"), StatusDocument),
    (("explain", "next"), ExplanationDocument),
    (("explain", "dead"), ExplanationDocument),
    (("list",), NotificationListDocument),
    (("list", "--state", "accepted", "--state", "dead"), NotificationListDocument),
    (("number", other_number(1)), NumberDocument),
    (("number", other_number(8)), NumberDocument),
    (("dlq", "list"), DeadLetterListDocument),
    (("dlq", "show", "dead"), DeadLetterDocument),
    (("dlq", "show", "called"), DeadLetterDocument),
    (("account", "show"), AccountDocument),
    (("stats", "--days", "2"), StatisticsDocument),
    (("doctor",), DoctorDocument),
    (("send", "13800001234", "453662", "张三", "3号楼"), SubmittedDocument),
    (("send", "--csv", "-"), SubmittedFileDocument),
    (("send", "--csv", "-", "--dry-run"), DryRunDocument),
]


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cli]:
    """An account in which a good deal has happened."""
    with command_line(monkeypatch, daily_budget="100") as cli:
        monkeypatch.setattr(cli.account.ledger.scripts.__class__, "now_ms", lambda _: cli.account.clock.now)
        live(cli, cli.account)
        yield cli


def live(cli: Cli, account: Account) -> None:
    """Have calls accepted, refused, lost and in flight, on a number that has a line, and the account paused."""
    cli.bury(dead=REFUSED, lost=UNCONFIRMED)
    cli.bury_called("called")
    account.sweep(worker="one@host")
    for id_ in ("earlier", "accepted"):
        account.clock.advance(HOUR)
        account.submit(other_number(1), id=id_)
        account.call(id_, ACCEPTED, takes=0)
    account.submit(other_number(1), id="next", params=("张三", f"回电{other_number(2)}"))
    account.submit(other_number(1), id="scheduled", countdown=600)
    account.granted(account.submit(other_number(8), id="calling"))
    account.call(account.submit(other_number(9)), NO_BALANCE)


def printed(cli: Cli, arguments: tuple[str, ...]) -> str:
    """What a command prints with `--json`; rows and installations that are not well make some of them fail."""
    return cli.run(*arguments, "--json", stdin=FILE).stdout


def models() -> list[type[Document]]:
    """Every model that is defined in `documents`."""
    found = [value for module in MODULES for value in vars(import_module(module)).values()]
    return list(dict.fromkeys(each for each in found if isinstance(each, type) and issubclass(each, Document)))


def commands_with_json(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The ways to all commands below `command` that have `--json`."""
    if isinstance(command, LazyCommand):
        command = command.load()
    if isinstance(command, click.Group):
        for name, child in command.commands.items():
            yield from commands_with_json(child, (*path, name))
    elif any("--json" in parameter.opts for parameter in command.params):
        yield path


def test_every_command_with_json_is_tested_here() -> None:
    """No command prints a document that has no model."""
    tested = {tuple(arguments[:length]) for arguments, _ in PRINTED for length in (1, 2)} | {("dlq", "export")}
    assert [path for path in commands_with_json(main) if path not in tested] == []


@pytest.mark.parametrize(("arguments", "model"), PRINTED, ids=[" ".join(arguments) for arguments, _ in PRINTED])
def test_what_is_printed_is_the_model(cli: Cli, arguments: tuple[str, ...], model: type[Document]) -> None:
    """Read back, a document is the same to the last character: nothing is missing, and nothing is added."""
    text = printed(cli, arguments)
    assert model.model_validate_json(text).model_dump_json(indent=2) + "\n" == text


def test_each_exported_line_is_the_model(cli: Cli) -> None:
    """An export has a document on each line, and numbers are masked in each."""
    lines = printed(cli, ("dlq", "export")).splitlines()
    assert len(lines) == 4
    for line in lines:
        document = NotificationDocument.model_validate_json(line)
        assert document.model_dump_json() == line
        assert "****" in document.mobile


def test_what_is_printed_satisfies_the_schema(cli: Cli, tmp_path: Path) -> None:
    """A program that knows only the JSON schema can read what every command prints."""
    fields = {f"document_{number}": (model, ...) for number, (_, model) in enumerate(PRINTED)}
    schema = create_model("All", **fields).model_json_schema(mode="serialization")  # type: ignore[call-overload] # names known at run time
    instance = {name: json.loads(printed(cli, arguments)) for name, (arguments, _) in zip(fields, PRINTED, strict=True)}
    (tmp_path / "schema.json").write_text(json.dumps(schema), encoding="utf-8")
    (tmp_path / "instance.json").write_text(json.dumps(instance), encoding="utf-8")
    check = [sys.executable, "-m", "check_jsonschema", "--schemafile", "schema.json", "instance.json"]
    done = subprocess.run(check, cwd=tmp_path, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("model", models(), ids=lambda model: model.__name__)
def test_each_model_has_a_schema_that_explains_each_field(model: type[Document]) -> None:
    """The schema can be made, and says of each field what it means."""
    schema = model.model_json_schema(mode="serialization")
    assert model.__doc__
    assert [name for name, field in schema.get("properties", {}).items() if not field.get("description")] == []
    assert model.model_config["frozen"]


def test_documents_know_neither_terminal_nor_celery() -> None:
    """They are read by other programs too: what an HTTP API would load with them has nothing of the command line."""
    script = f"import sys, {', '.join(MODULES)}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)  # noqa: S603 - ours
    names = set(loaded.stdout.split())
    assert set(MODULES) <= names
    assert {"click", "rich", "celery", "kombu", "voice_notify.cli"} & names == set()


def test_numbers_are_masked_unless_asked_for(cli: Cli) -> None:
    """No document has a number in full, not even in the variables, unless `--reveal` says so."""
    for arguments, _ in PRINTED:
        assert "1390000000" not in printed(cli, arguments), arguments
    assert other_number(2) in printed(cli, ("explain", "next", "--reveal"))
