"""What the sessions of all backends share: a work directory by descriptor, and an end."""

from __future__ import annotations

import os
import threading
from abc import ABC, abstractmethod
from typing import Self

from sandmle.core.errors import SandboxError
from sandmle.sandbox._files import read_file, write_file


class Closing(ABC):
    """Something that is closed at the end of a `with` block."""

    @abstractmethod
    def close(self) -> None:
        """Release what is held; calling it twice is fine."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class WorkDirectory(Closing):
    """The files of a session.

    Args:
        root: Descriptor of the work directory; it is closed with the session.
    """

    def __init__(self, root: int) -> None:
        self._root: int | None = root
        self._lock = threading.Lock()
        """Held while code runs: files are read only when every process of the run is dead."""

    def read(self, path: str, *, max_bytes: int) -> bytes | None:
        """Return a regular file of the work directory; see `SandboxSession.read`."""
        with self._lock:
            return read_file(self._opened(), path, max_bytes=max_bytes)

    def write(self, path: str, data: bytes) -> None:
        """Put a file into the work directory; see `SandboxSession.write`."""
        with self._lock:
            write_file(self._opened(), path, data)

    def close(self) -> None:
        """End the session and drop its files; calling it twice is fine."""
        root, self._root = self._root, None
        if root is not None:
            os.close(root)
            self._release()

    @property
    def closed(self) -> bool:
        """Whether the session has ended."""
        return self._root is None

    @abstractmethod
    def _release(self) -> None:
        """Drop what is behind the work directory."""

    def _opened(self) -> int:
        if self._root is None:
            raise SandboxError("this session is closed; open a new one")
        return self._root
