"""Text from elsewhere does nothing to a line or a terminal."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.account import NO_BALANCE
from tests.support.cli import Cli
from voice_notify.domain.printable import printable

#: Sets the clipboard, colours, turns the writing around, and begins a line.
EVIL = "evil\x1b]52;c;aGk=\x07\x1b[31m\x9b31m\u202edrow\nFAILED forged"


def test_what_people_write_stays() -> None:
    """Letters of all scripts, and the wide blank between them."""
    assert printable("张三，\u30003号楼 – é 😀") == "张三，\u30003号楼 – é 😀"


@pytest.mark.parametrize(
    "character", ["\x00", "\x1b", "\x07", "\r", "\n", "\t", "\x9b", "\u202e", "\u2066", "\u200b", "\u2028"]
)
def test_what_steers_becomes_a_space(character: str) -> None:
    """Control characters, invisible ones, and those that turn writing around or end a line."""
    assert printable(f"a{character}b") == "a b"


@pytest.mark.parametrize(
    "command", [("account", "show"), ("explain", "n1"), ("list",), ("number", "13800138000"), ("stats",), ("doctor",)]
)
def test_the_reason_of_a_pause_does_nothing_to_a_terminal(cli: Cli, command: tuple[str, ...]) -> None:
    """Whoever may pause the account cannot steer the terminal of whoever looks at it."""
    cli.account.submit(id="n1")
    cli.account.ledger.pause(EVIL)
    shown = cli.run(*command).stdout
    assert all(character.isprintable() for line in shown.split("\n") for character in line)
    assert not [line for line in shown.splitlines() if line.startswith("FAILED forged")]


def test_a_providers_message_does_nothing_to_a_terminal(cli: Cli) -> None:
    """Nor does one that an older version stored as it came."""
    cli.bury(n1=replace(NO_BALANCE, message=EVIL))
    for command in (("dlq", "list"), ("dlq", "show", "n1"), ("status", "n1")):
        shown = cli.run(*command).stdout
        assert all(character.isprintable() for line in shown.split("\n") for character in line)
