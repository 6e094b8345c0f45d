"""The text of a file that a spreadsheet saved, in whichever encoding it did: found for the whole file, or refused."""

from __future__ import annotations

from typing import NamedTuple

import click
from charset_normalizer import from_bytes

#: The encodings that a file may be in, by the names of `--encoding`; what Excel writes in China is GB18030, or a part.
ENCODINGS = {"utf-8": "utf-8-sig", "gb18030": "gb18030", "utf-16": "utf-16"}

#: By the names that charset-normalizer has for them; ASCII is a part of UTF-8.
_DETECTED = {"ascii": "utf-8", "utf_8": "utf-8", "gb18030": "gb18030", "utf_16": "utf-16"}
_BOM_UTF_8 = b"\xef\xbb\xbf"
#: Chinese text in UTF-8 has these, and no others of those that UTF-8 writes in two bytes.
_TWO_BYTES_IN_CHINESE = frozenset("·×°±÷§¥—àáèéêìíòóùúüāēěīōūǎǐǒǔǖǘǚǜ")
_ADVICE = "save it as “CSV UTF-8”, or give --encoding"


class CsvText(NamedTuple):
    """What was read."""

    text: str
    encoding: str  #: one of `ENCODINGS`


def read_text(data: bytes, encoding: str | None = None) -> CsvText:
    """The text of these bytes, in this encoding or the one that is found. Raises `click.ClickException`.

    Many a short text in GB18030 is valid UTF-8 too, by chance and as gibberish: a phone would ring with it.
    """
    if encoding is None and not data.startswith(_BOM_UTF_8):
        encoding = _find(data)
    encoding = encoding or "utf-8"
    try:
        return CsvText(data.decode(ENCODINGS[encoding]), encoding)
    except UnicodeError as error:
        line = data.count(b"\n", 0, getattr(error, "start", 0)) + 1
        raise click.ClickException(f"line {line} is not {encoding.upper()}, nothing was read: {_ADVICE}") from None


def _find(data: bytes) -> str:
    if data.isascii():
        return "utf-8"
    found = from_bytes(data, cp_isolation=[*_DETECTED]).best()
    encoding = _DETECTED.get(found.encoding, "") if found else ""
    if not encoding or (encoding == "utf-8" and _is_doubtful(data)):
        raise click.ClickException(f"it is not certain in which encoding the file is, nothing was read: {_ADVICE}")
    return encoding


def _is_doubtful(data: bytes) -> bool:
    """Whether what is valid UTF-8 may be GB18030: each Chinese character of that is two bytes, of UTF-8 three."""
    odd = {character for character in data.decode("utf-8", "replace") if "\x80" <= character < "\u0800"}
    if odd <= _TWO_BYTES_IN_CHINESE:
        return False
    try:
        data.decode("gb18030")
    except UnicodeError:
        return False
    return True
