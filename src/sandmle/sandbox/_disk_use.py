"""How much a folder holds whose contents are in hostile hands, without following a link.

Stops: nothing by itself; it is for who kills a run over its bound. Does not see: files that were
removed and are open or mapped nowhere but in the memory of a process.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable
from typing import NamedTuple

from sandmle.sandbox._process_tree import bearer

_DEEPEST = 256
BLOCK = 512
"""Bytes in which files are measured, whatever the file system."""
_DIRECTORY = os.O_DIRECTORY | os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC


class Use(NamedTuple):
    """What files take."""

    data: int = 0
    """Bytes on the disk."""
    files: int = 0
    """Files, folders and links."""

    def over(self, other: Use) -> bool:
        """Say whether this is more than `other` in any way."""
        return self.data > other.data or self.files > other.files

    def plus(self, other: Use) -> Use:
        """Return both together."""
        return Use(self.data + other.data, self.files + other.files)


EVERYTHING = Use(1 << 62, 1 << 62)


def use_of(folder: int, *, bound: Use) -> Use:
    """Return what is in a folder; `EVERYTHING` where it is too deep to look.

    Args:
        folder: Descriptor of the folder.
        bound: Beyond it, the rest is not counted any more.
    """
    found = Use()
    # Folders that are open, with the names of those in them that were not looked at.
    way: list[tuple[int, list[str]]] = []
    try:
        found = _look(os.dup(folder), way, found)
        while way and not found.over(bound):
            fd, names = way[-1]
            if not names:
                os.close(fd)
                way.pop()
            elif len(way) > _DEEPEST:
                return EVERYTHING
            else:
                below = _open(names.pop(), fd)
                if below is not None:
                    found = _look(below, way, found)
    finally:
        for fd, _ in way:
            os.close(fd)
    return found


def removed_but_open(pids: Iterable[int], *, device: int) -> Use:
    """Return what files of a device take that have no name any more and that processes hold open.

    Args:
        pids: The processes.
        device: Number of the device, as `st_dev` has it.
    """
    found = Use()
    for pid in map(bearer, pids):
        with contextlib.suppress(OSError):
            for name in os.listdir(f"/proc/{pid}/fd"):  # noqa: PTH208 - names only
                with contextlib.suppress(OSError):
                    # Of the open file itself: what it points to is not looked up by name.
                    seen = os.stat(f"/proc/{pid}/fd/{name}")  # noqa: PTH116 - as above
                    if stat.S_ISREG(seen.st_mode) and not seen.st_nlink and seen.st_dev == device:
                        found = found.plus(Use(seen.st_blocks * BLOCK, 1))
    return found


def _look(fd: int, way: list[tuple[int, list[str]]], found: Use) -> Use:
    """Add up what a folder holds itself, and put it at the end of `way`."""
    names: list[str] = []
    way.append((fd, names))
    data = files = 0
    with contextlib.suppress(OSError), os.scandir(fd) as entries:
        for entry in entries:
            files += 1
            with contextlib.suppress(OSError):
                data += entry.stat(follow_symlinks=False).st_blocks * BLOCK
                if entry.is_dir(follow_symlinks=False):
                    names.append(entry.name)
    return found.plus(Use(data, files))


def _open(name: str, folder: int) -> int | None:
    """Open a folder in a folder, also one that was made without the right to be read."""
    with contextlib.suppress(OSError):
        return os.open(name, _DIRECTORY, dir_fd=folder)
    with contextlib.suppress(OSError):
        place = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_DIRECTORY, dir_fd=folder)
        try:
            # By the descriptor, since another file may have the name by now.
            os.chmod(f"/proc/self/fd/{place}", 0o700)  # noqa: PTH101 - as above
            return os.open(f"/proc/self/fd/{place}", os.O_DIRECTORY | os.O_RDONLY | os.O_CLOEXEC)
        finally:
            os.close(place)
    return None
