"""What the interpreter of a run notes for the host, in memory that both have.

The files that were opened where the sandbox shows none, which tells what a script looked for, and
the peak of its memory. Stops: nothing. Hostile code can write into the notes.
"""

from __future__ import annotations

import mmap
import os.path
import resource
import struct
import sys
from typing import NamedTuple

_NOTES = struct.Struct("=QQ")
SIZE = _NOTES.size


class Noted(NamedTuple):
    """What a run noted."""

    opens: int
    peak_kib: int


class Notes:
    """The notes, as the run writes them.

    Args:
        descriptor: A file of `SIZE` bytes, which the run's other processes share.
    """

    def __init__(self, descriptor: int) -> None:
        self._page = mmap.mmap(descriptor, SIZE)

    def count_opens(self, shown: tuple[str, ...]) -> None:
        """Count files that are opened from here on, but for those below the paths `shown`."""

        def look(event: str, arguments: tuple[object, ...]) -> None:
            if event == "open" and isinstance(path := arguments[0], str):
                if ".." in path:
                    path = os.path.abspath(path)  # noqa: PTH100 - without following links
                if path.startswith("/") and not path.startswith(shown):
                    opens, peak = noted(self._page[:])
                    self._page[:] = _NOTES.pack(opens + 1, peak)

        sys.addaudithook(look)

    def note_peak(self) -> None:
        """Note the largest resident memory so far."""
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        self._page[:] = _NOTES.pack(noted(self._page[:]).opens, peak)


def noted(content: bytes) -> Noted:
    """Return what the file of the notes says."""
    return Noted(*_NOTES.unpack(content))
