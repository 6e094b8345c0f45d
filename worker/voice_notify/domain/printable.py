"""Text from elsewhere as a line, a terminal and an encoder can bear it."""

from __future__ import annotations


def printable(text: str) -> str:
    r"""Return `text` with a space for each character that could end a line, steer a terminal or turn writing around.

    >>> printable("evil\n\x1b[31mrow\u202e")
    'evil  [31mrow '
    """
    if text.isprintable():
        return text
    # The wide blank of Chinese text is one of those that Python does not call printable.
    return "".join(character if character.isprintable() or character == "\u3000" else " " for character in text)
