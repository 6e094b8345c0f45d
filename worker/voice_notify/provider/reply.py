"""An HTTP reply, put together from the bytes that come in."""

from __future__ import annotations

from httptools import HttpParserError, HttpResponseParser

#: The least status of a reply that is not an interim one.
_FINAL = 200
#: The headers that tell where a body ends; without one it ends with the connection.
_LENGTHS = (b"content-length", b"transfer-encoding")


class Reply:
    """A reply, as its bytes come in; httptools tells its parts."""

    def __init__(self) -> None:
        self.status = 0
        self.body = bytearray()
        self.is_whole = False
        self.keeps_alive = False  #: whether its connection may be used again
        self._has_length = False
        self._parser = HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        """Take what was read; nothing means that the connection ended. Raises `HttpParserError` or `EOFError`."""
        if data:
            try:
                self._parser.feed_data(data)
            except HttpParserError:
                # What follows the reply was not asked for, and spoils the connection only.
                if not self.is_whole:
                    raise
        elif self.status < _FINAL or self._has_length:
            raise EOFError("the connection ended before the reply")
        else:
            self.is_whole = True

    def on_message_begin(self) -> None:
        """One begins: the reply, or a second one that nobody asked for."""
        self.keeps_alive = False

    def on_header(self, name: bytes, _: bytes) -> None:
        """A header."""
        self._has_length = self._has_length or name.lower() in _LENGTHS

    def on_headers_complete(self) -> None:
        """The end of the headers."""
        if not self.is_whole:
            self.status = self._parser.get_status_code()

    def on_body(self, part: bytes) -> None:
        """A part of the body."""
        if not self.is_whole:
            self.body += part

    def on_message_complete(self) -> None:
        """Its end, or that of an interim reply (1xx), which the real one follows."""
        if not self.is_whole and self.status >= _FINAL:
            self.is_whole = True
            self.keeps_alive = self._parser.should_keep_alive()
