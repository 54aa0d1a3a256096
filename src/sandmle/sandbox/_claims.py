"""Marks folders as in use for as long as their owner lives, however it ends.

A process id does not do: it is used again, and means nothing in another process namespace.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


def claim(folder: Path) -> int:
    """Mark a folder as in use until the descriptor that is returned is closed.

    Children have it closed when they become another program.

    Raises:
        OSError: If the folder cannot be opened.
    """
    fd = os.open(folder, os.O_DIRECTORY | os.O_RDONLY | os.O_CLOEXEC)
    # Whoever looks holds it for a moment; it is not worth an error.
    fcntl.flock(fd, fcntl.LOCK_SH)
    return fd


@contextlib.contextmanager
def abandoned(folder: Path) -> Iterator[bool]:
    """Say whether a folder's owner is gone; within the `with` block nobody else is told so.

    A folder that cannot be looked at is nobody's to clear up.
    """
    try:
        fd = os.open(folder, os.O_DIRECTORY | os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        yield False
        return
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
    else:
        yield True
    finally:
        os.close(fd)
