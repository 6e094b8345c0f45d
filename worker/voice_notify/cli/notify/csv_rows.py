"""A CSV file as rows for `notify.bulk`."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO

import click

from voice_notify.documents.submission import RefusedRowDocument

_REQUIRED = ["mobile", "template_id"]
_NUMBERS = {"countdown", "expires", "priority"}
_OPTIONS = {"key", "on_unconfirmed", *_NUMBERS}

#: What is wrong with the quotes of a row, by the message of Python's `csv`.
_QUOTE_MISTAKES = {
    "unexpected end of data": "a quote is opened and never closed",
    "',' expected after '\"'": "a quote inside a quoted cell must be doubled",
}


class CsvRows:
    """The rows of a UTF-8 file, with or without a byte order mark, read as they are asked for.

    The first line names the columns: `mobile`, `template_id`, one for each variable, then any of `key` and the options.
    A row without a key is given one made of its content, so that the same file can be submitted again. `defaults`
    stand for what a row leaves empty. Raises `click.ClickException` if the first line is not such a header.
    """

    def __init__(self, file: BinaryIO, defaults: Mapping[str, Any]) -> None:
        self.lines: list[int] = []  #: the line on which each row that was given out begins, from 1
        self.refused: list[RefusedRowDocument] = []  #: rows that are not in the form of the header
        self._file = file
        self._size = _size(file)
        self._defaults = defaults
        self._occurrences: Counter[bytes] = Counter()
        # What is not UTF-8 becomes surrogates, and so the fault of its row, not of the file.
        text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
        self._reader = csv.reader(text, strict=True)
        self._header = self._read_header()
        options = [at for at, name in enumerate(self._header) if name in _OPTIONS]
        self._variables = slice(len(_REQUIRED), options[0] if options else len(self._header))

    @property
    def share(self) -> float | None:
        """How much of the file has been read, 0-1; None for a pipe."""
        return min(1.0, self._file.tell() / self._size) if self._size else None

    @property
    def seen(self) -> int:
        """How many rows have been read."""
        return len(self.lines) + len(self.refused)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Give out each row that has the form of the header; blank lines are passed over."""
        while True:
            line = self._reader.line_num + 1
            try:
                cells = next(self._reader)
            except StopIteration:
                return
            except csv.Error as error:
                self._refuse(line, _QUOTE_MISTAKES.get(str(error), str(error)))
                continue
            if not any(cell.strip() for cell in cells):
                continue
            if rule := self._broken_rule(cells):
                self._refuse(line, rule)
                continue
            self.lines.append(line)
            yield self._row(cells)

    def _refuse(self, line: int, rule: str) -> None:
        self.refused.append(RefusedRowDocument(line=line, field="row", rule=rule))

    def _read_header(self) -> list[str]:
        try:
            header = [name.strip().lower() for name in next(self._reader, [])]
        except csv.Error as error:
            raise click.ClickException(f"line 1: {error}") from None
        options = [name for name in header if name in _OPTIONS]
        while options and not header[-1]:  # spreadsheets add empty columns
            header.pop()
        after = header[header.index(options[0]) :] if options else []
        if header[:2] != _REQUIRED:
            raise click.ClickException("line 1: the first columns must be mobile,template_id")
        if unknown := [name for name in after if name not in _OPTIONS]:
            raise click.ClickException(
                f"line 1: there is no option {unknown[0]!r}; variables stand before {options[0]}, "
                f"and after it any of {', '.join(sorted(_OPTIONS))}"
            )
        if len(set(after)) < len(after):
            raise click.ClickException("line 1: a column is named twice")
        return header

    def _broken_rule(self, cells: Sequence[str]) -> str | None:
        if any("\ud800" <= character <= "\udfff" for cell in cells for character in cell):
            return "is not UTF-8: save the file as “CSV UTF-8”"
        if any(cells[len(self._header) :]):
            return f"has {len(cells)} cells, the header names {len(self._header)}: is a comma too many?"
        return None

    def _row(self, cells: Sequence[str]) -> dict[str, Any]:
        padded = [*cells, *[""] * (len(self._header) - len(cells))]
        mobile, template_id = padded[0].strip(), padded[1].strip()
        params = padded[self._variables]
        while params and not params[-1].strip():
            params.pop()
        pairs = zip(self._header[self._variables.stop :], padded[self._variables.stop :], strict=False)
        options = {name: _option(name, cell.strip()) for name, cell in pairs if cell.strip()}
        row = {**self._defaults, **options, "mobile": mobile, "template_id": template_id, "params": params}
        if "key" not in row:
            row["key"] = self._key([mobile, template_id, *params])
        return row

    def _key(self, content: Iterable[str]) -> str:
        """The same for the same content wherever it stands; equal rows of one file are told apart by their number."""
        text = json.dumps(content, ensure_ascii=False)
        digest = hashlib.sha256(text.encode()).digest()
        self._occurrences[digest] += 1
        return "csv-" + hashlib.sha256(digest + str(self._occurrences[digest]).encode()).hexdigest()


def _option(name: str, cell: str) -> Any:  # noqa: ANN401 - what is no number stays text, and is refused as that
    if name not in _NUMBERS:
        return cell
    if cell.isascii() and cell.isdigit():
        return int(cell)
    try:
        return float(cell)
    except ValueError:
        return cell


def _size(file: BinaryIO) -> int:
    """The file's size in bytes; 0 for a pipe."""
    try:
        return os.fstat(file.fileno()).st_size
    except OSError:
        return 0
