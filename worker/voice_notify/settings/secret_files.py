"""Secrets in files, as Docker and Kubernetes mount them."""

from pathlib import Path


class SecretFile:
    """A secret in a file that is read again whenever the file has changed: a rotated secret needs no restart.

    While the file is missing or empty, as it may be for a moment when it is replaced, the last secret stays in use.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._last_read: tuple[tuple[int, ...], str] | None = None  # the file's version, and its secret

    def read(self) -> str:
        """Return the secret. Raises `ValueError` with the reason if the file could never be read."""
        try:
            stat = self._path.stat()
            version = (stat.st_mtime_ns, stat.st_ino, stat.st_size)
            if self._last_read is None or self._last_read[0] != version:
                self._last_read = version, _read_secret(self._path)
        except (OSError, ValueError) as error:
            if self._last_read is None:
                raise ValueError(f"{self._path} cannot be read: {error}") from None
        return self._last_read[1]


def _read_secret(path: Path) -> str:
    secret = path.read_text(encoding="utf-8").strip()
    if not secret:
        raise ValueError("the file is empty")
    return secret
