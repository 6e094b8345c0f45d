"""`deploy/Dockerfile`, read as far as the tests need it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

from tests.support.redis_server import DEPLOY


@dataclass
class Stage:
    """One `FROM` and what follows it."""

    image: str
    name: str
    steps: list[tuple[str, str]] = field(default_factory=list)  #: each (instruction, its arguments), in order

    def all(self, instruction: str) -> list[str]:
        """The arguments of each such step."""
        return [arguments for name, arguments in self.steps if name == instruction]

    def one(self, instruction: str) -> str:
        """The arguments of the only such step."""
        (arguments,) = self.all(instruction)
        return arguments


def stages() -> list[Stage]:
    """The stages, in order."""
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    found: list[Stage] = []
    for step in re.sub(r"\s*\\\n\s*", " ", "\n".join(lines)).splitlines():
        instruction, _, arguments = step.partition(" ")
        if instruction == "FROM":
            image, _, name = arguments.partition(" AS ")
            found.append(Stage(image, name))
        elif found:
            found[-1].steps.append((instruction, arguments))
    return found


def command(text: str) -> list[str]:
    """The words of a CMD, or of a HEALTHCHECK's, which need no shell."""
    words: list[str] = json.loads(text[text.index("[") :])
    return words
