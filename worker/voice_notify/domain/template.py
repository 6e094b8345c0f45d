"""The provider's text templates, mirrored here so that a mistake is found before the provider is asked."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from voice_notify.errors import InvalidNotification, SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

#: The most characters that one notification's text may have (PROVIDER.md, Rules of use).
MAX_TEXT_CHARACTERS = 500

#: What a template's id may look like.
TEMPLATE_ID = re.compile(r"[A-Za-z0-9_-]{1,32}")

_PLACEHOLDER = re.compile(r"\{([1-9][0-9]*)\}")


@dataclass(frozen=True, slots=True)
class Template:
    """A text that the provider has reviewed; `{1}` … `{n}` stand for its `variables`.

    Raises `ValueError` with the rule that `text` breaks.
    """

    id: str
    text: str
    variables: int = field(init=False)

    def __post_init__(self) -> None:
        fixed = _PLACEHOLDER.sub("", self.text)
        numbers = {int(number) for number in _PLACEHOLDER.findall(self.text)}
        expected = set(range(1, len(numbers) + 1))
        if not self.text.strip():
            raise ValueError("the text is empty")
        if "{" in fixed or "}" in fixed:
            raise ValueError("braces may only enclose the number of a variable: {1}, {2}, …")
        if len(fixed) > MAX_TEXT_CHARACTERS:
            raise ValueError(
                f"the text without its variables has {len(fixed)} characters; at most {MAX_TEXT_CHARACTERS} are allowed"
            )
        if missing := expected - numbers:
            raise ValueError(f"variables are numbered from {{1}} without gaps; {{{min(missing)}}} is missing")
        object.__setattr__(self, "variables", len(numbers))

    def render(self, params: Sequence[str]) -> str:
        """Return the text that the callee hears.

        Raises `InvalidNotification` unless there are as many `params` as variables.

        >>> Template("453662", "{1}您好，您的快递已送达{2}。").render(["张三", "3号楼"])
        '张三您好，您的快递已送达3号楼。'
        """
        if len(params) != self.variables:
            raise InvalidNotification(
                "params", f"template {self.id} takes {self.variables} variables, {len(params)} given"
            )
        # Variables count from 1, and there are no other braces. A subclass of `str` might format itself differently.
        return self.text.format("", *map(str.__str__, params))


def load_templates(path: Path) -> dict[str, Template]:
    """Return the templates that a file declares as `[templates.<id>]` with a `text`, by id.

    Raises `SettingsError` with the file, the template and the rule that it breaks.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path}: cannot be read: {error}") from None
    entries = document.pop("templates", {})
    if document or not isinstance(entries, dict):
        raise SettingsError(f"{path}: should have tables [templates.<id>] and nothing else")
    try:
        return {template_id: _parse_template(template_id, entry) for template_id, entry in entries.items()}
    except ValueError as error:
        raise SettingsError(f"{path}: {error}") from None


def _parse_template(template_id: str, entry: Any) -> Template:  # noqa: ANN401 - what a TOML file holds is checked here
    if not TEMPLATE_ID.fullmatch(template_id):
        raise ValueError(f"template {template_id!r}: an id is 1 to 32 letters, digits, '_' or '-'")
    if not isinstance(entry, dict) or entry.keys() != {"text"} or not isinstance(entry["text"], str):
        raise ValueError(f'template {template_id}: should have one key, text = "…"')
    try:
        return Template(template_id, entry["text"])
    except ValueError as error:
        raise ValueError(f"template {template_id}: {error}") from None
