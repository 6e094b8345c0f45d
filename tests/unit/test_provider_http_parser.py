"""A response put together from the bytes that come in."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from voice_notify.provider.http_parser import ResponseParser

INTERIM = b"HTTP/1.1 100 Continue\r\nLink: a\r\n\r\n"
HEAD = b"HTTP/1.1 502 Bad Gateway\r\nVia: a\r\nVia: b\r\n"
RESPONSES = [
    HEAD + b"Content-Length: 5\r\n\r\nhello",
    HEAD + b"Content-Length: 0\r\n\r\n",
    INTERIM + INTERIM + HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nTrailer: a\r\n\r\n",
    HEAD + b"\r\nhello",
]


def parsed(*pieces: bytes) -> dict[str, Any]:
    """What became of `pieces`, which are read until the response is complete or the connection ends."""
    response = ResponseParser()
    for piece in (*pieces, b""):
        if not response.is_complete:
            response.feed(piece)
    assert response.is_complete
    shown = ("status", "reason", "headers", "body", "keeps_alive")
    return {name: getattr(response, name) for name in shown}


@settings(deadline=None)
@given(raw=st.sampled_from(RESPONSES), cuts=st.sets(st.integers(1, 200), max_size=8))
def test_the_pieces_in_which_a_response_comes_play_no_part(raw: bytes, cuts: set[int]) -> None:
    """However the bytes are divided among reads, they are the same response."""
    places = [0, *sorted(cuts), len(raw)]
    pieces = [raw[begin:end] for begin, end in pairwise(places) if raw[begin:end]]
    response = parsed(*pieces)
    assert response == parsed(raw)
    assert (response["status"], response["headers"]["Via"]) == (502, "a, b")
    assert response["reason"] == "Bad Gateway"
    assert response["body"] in (b"", b"hello")
