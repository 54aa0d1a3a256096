"""Programs and submissions of a run, each content stored once under its SHA-256.

RUN/artefacts/ab/abcd...  the bytes
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from sandmle.core.errors import UsageError
from sandmle.store.atomic import write_file


def sha256_of(data: bytes) -> str:
    """Return the SHA-256 of some bytes, as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


class Artefacts:
    """A folder of contents by their hash; any number of processes may add to it at once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, data: bytes) -> str:
        """Store bytes, on disk when this returns; returns their SHA-256.

        Raises:
            UsageError: If the disk takes no more.
        """
        digest = sha256_of(data)
        path = self._path(digest)
        if not path.is_file():
            try:
                write_file(path, data)
            except OSError as exc:
                raise UsageError(
                    f"{path} cannot be written ({exc.strerror}); what is finished is kept: "
                    "make room and run the same command again"
                ) from exc
        return digest

    def get(self, digest: str) -> bytes:
        """Return the bytes with this SHA-256.

        Raises:
            UsageError: If there are none, or the file holds others.
        """
        path = self._path(digest)
        try:
            data = path.read_bytes()
        except OSError as exc:
            raise UsageError(f"{path} cannot be read ({exc.strerror})") from exc
        if sha256_of(data) != digest:
            raise UsageError(f"{path} is damaged: its contents have another SHA-256")
        return data

    def _path(self, digest: str) -> Path:
        return self._folder / digest[:2] / digest
