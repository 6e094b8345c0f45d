"""What the documents name is real: commands, options, links, files, functions; and nothing is left out."""

from __future__ import annotations

import ast
import re
import shlex
from itertools import pairwise, takewhile
from pathlib import Path

import click
import pytest

from tests.support.readme import CHINESE, ENGLISH
from tests.support.worker import ROOT
from voice_notify.cli import LazyCommand, main

CONTRIBUTING, SECURITY, TESTS = "CONTRIBUTING.md", "SECURITY.md", "tests/README.md"
DOCUMENTS = [
    *(ENGLISH, CHINESE, CONTRIBUTING, SECURITY, TESTS),
    *(f"deploy/{path.name}" for path in sorted((ROOT / "deploy").glob("*.md"))),
]
PACKAGE = ROOT / "worker" / "voice_notify"
#: Where the paths that sentences name begin.
ROOTS = (ROOT, PACKAGE, ROOT / "tests", ROOT / "tests" / "contract")
#: Options that are named on their own, and are Celery's or Flower's.
OTHERS = {"--address", "--logfile", "--loglevel", "--read-only"}

Commands = list[tuple[str, click.Command]]


def _commands(group: click.Group, above: str = "") -> Commands:
    """Every command below `group`, groups included, with the words that call it."""
    context = click.Context(group)
    found: Commands = []
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        command = command.load() if isinstance(command, LazyCommand) else command
        found.append((f"{above}{name}", command))
        if isinstance(command, click.Group):
            found += _commands(command, f"{above}{name} ")
    return found


COMMANDS = dict(_commands(main))
OPTIONS = {name for command in COMMANDS.values() for parameter in command.params for name in parameter.opts}


def _text(document: str) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


_FENCE = re.compile(r"^ *```\w*\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
#: Not the name of a namespace, a unit, a container or a file; what a command prints may name one in a sentence.
_CALL = re.compile(r"(?:(?<![\w./-])(?<!-n )(?<!generic )voice-notify|run --rm operator) ([a-z][^;&|,]*)")


def _examples(document: str) -> list[str]:
    """The lines of fenced examples, without their comments."""
    return [re.sub(r"\s+#.*", "", line) for body in _FENCE.findall(_text(document)) for line in body.splitlines()]


def _words(document: str) -> list[str]:
    """The pieces of code within sentences and tables."""
    spans = re.findall(r"`([^`]+)`", _FENCE.sub("", _text(document)))
    return [" ".join(span.split()) for span in spans]


def _calls(document: str) -> list[str]:
    """The calls of `voice-notify`, of the operator's container, and, within sentences, of a bare `dlq list`."""
    found = {name for name in _words(document) if " " in name and name.split(" ")[0] in main.commands}
    for code in [*_examples(document), *_words(document)]:
        found |= {call.strip() for call in _CALL.findall(code.replace(r"\|", "/"))}
    return sorted({one for call in found for one in _each(call)})


def _each(call: str) -> list[str]:
    """`dlq list/show` stands for two calls."""
    group, _, parts = call.partition(" ")
    return [f"{group} {part}" for part in parts.split("/")] if re.fullmatch(r"[a-z]+(/[a-z]+)+", parts) else [call]


def _unknown(call: str) -> list[str]:
    """The words of a call that are no command or no option of it."""
    words = shlex.split(call.replace("…", "'…'"))
    name = " ".join(takewhile(lambda word: not word.startswith("-"), words[:2]))
    command = COMMANDS.get(name) or COMMANDS.get(words[0])
    if command is None or (isinstance(command, click.Group) and len(words) > 1 and name != words[0]):
        return [name]
    options = {option for parameter in command.params for option in parameter.opts} | {"--help", "-h"}
    return [word for word in words if word.startswith("--") and word not in options]


@pytest.mark.parametrize(
    ("document", "call"), [(document, call) for document in DOCUMENTS for call in _calls(document)]
)
def test_every_command_is_real(document: str, call: str) -> None:
    """Each is a command of ours, with options that it has."""
    assert _unknown(call) == [], document


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_option_is_real(document: str) -> None:
    """An option that a sentence names on its own belongs to one of our commands, or is known to be another's."""
    named = {code.split(" ")[0] for code in _words(document) if re.match("--[a-z]", code)}
    assert sorted(named - OPTIONS - OTHERS) == []


@pytest.mark.parametrize("document", [ENGLISH, CHINESE])
def test_every_command_is_in_the_table(document: str) -> None:
    """The commands at the terminal are all there, and so are the parts of each group."""
    table = "\n".join(line for line in _text(document).splitlines() if line.startswith("| `voice-notify"))
    named = set(re.findall(r"[a-z]+", " ".join(re.findall(r"`([^`]+)`", table))))
    assert [name for name in COMMANDS if not set(name.split()) <= named] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_leads_somewhere(document: str) -> None:
    """Files are there, and so are the sections that a link names."""
    here = ROOT / document
    broken = []
    for file, _, anchor in (link.partition("#") for link in re.findall(r"\]\(((?!https?:)[^)]+)\)", _text(document))):
        target = (here.parent / file) if file else here
        if not target.exists() or (anchor and anchor not in _anchors(target.read_text(encoding="utf-8"))):
            broken.append(f"{file}#{anchor}")
    assert broken == []


def _anchors(text: str) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


#: Words of earlier versions, each with the one that took its place (CONTRIBUTING.md, Glossary).
RETIRED = {
    r"\bpumps?\b": "dispatcher",
    r"\bforeign producer": "third-party producer",
    r"\bdenied\b": "deferred",
    r"\b(stamps?|refunds?)\b": "call time, release",
    r"\bcan not\b": "cannot",
    r"\bfor good\b": "permanently",
    r"\bsince ever\b": "all-time",
}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_one_word_for_each_idea(document: str) -> None:
    """No sentence has a word that was replaced by another; what a command prints is its own."""
    prose = " ".join(_FENCE.sub("", _text(document)).split())
    assert {word: better for word, better in RETIRED.items() if re.search(word, prose, re.IGNORECASE)} == {}


def test_chinese_paragraphs_are_one_line() -> None:
    """A line break inside a paragraph shows as a blank, which Chinese does not have between words."""
    lines = _FENCE.sub("", _text(CHINESE)).splitlines()
    broken = [line for line, after in pairwise(lines) if line.strip() and re.match(r"[^\s|#>!-]", after)]
    assert broken == []


@pytest.mark.parametrize("document", [ENGLISH, CHINESE, CONTRIBUTING, SECURITY, TESTS])
def test_every_file_is_there(document: str) -> None:
    """A path in a sentence is that of a file or folder of the repository, of the package or of the tests."""
    named = {code for code in _words(document) if re.fullmatch(r"[\w./-]+(\.(py|lua|md|toml|in)|/)", code)}
    named -= {"dist/"}  # where `make build` leaves what it makes
    assert named
    assert sorted(name for name in named if not any((root / name).exists() for root in ROOTS)) == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_target_of_make_is_real(document: str) -> None:
    """`make check` and the like are in the Makefile."""
    targets = set(re.findall(r"^([a-z]+):", _text("Makefile"), re.MULTILINE))
    named = {
        match[1] for code in [*_examples(document), *_words(document)] if (match := re.match(r"make ([a-z]+)", code))
    }
    assert sorted(named - targets) == []


def test_each_part_of_the_package_is_listed() -> None:
    """CONTRIBUTING.md has a line for each module and folder of the package, and for nothing else."""
    listed = re.findall(r"^\| `(\w+)` \|", _section("The package"), re.MULTILINE)
    parts = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert sorted(listed) == sorted(parts)


def test_every_function_of_the_walk_exists() -> None:
    """Each function that CONTRIBUTING.md's walk names is defined in the file that it names before it."""
    file, checked, missing = "", 0, []
    for code in re.findall(r"`([^`]+)`", _section("The way of one notification")):
        if code.endswith((".py", ".lua")):
            file = code
        elif code.endswith("()"):
            checked += 1
            if code.removesuffix("()") not in _functions(PACKAGE / file):
                missing.append(f"{file}: {code}")
    assert checked > 20
    assert missing == []


def _section(title: str) -> str:
    return _text(CONTRIBUTING).partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def _functions(path: Path) -> set[str]:
    """The names of a file's functions, those of a class after its name."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".lua":
        return set(re.findall(r"^local function (\w+)", text, re.MULTILINE))
    found: set[str] = set()
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{each.name}" for each in node.body if isinstance(each, ast.FunctionDef)}
    return found
