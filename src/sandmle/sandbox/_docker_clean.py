"""Emptying a folder that hostile code has filled.

Stops: trees too deep for a path or for recursion, folders without permissions, links. Does not
stop: a process that adds to the folder meanwhile; there must be none.
"""

from __future__ import annotations

import os
import secrets


def empty(folder: str) -> None:
    """Remove everything of this process's user in a folder, following no link.

    Folders within folders are moved up before they are emptied, so that no path grows long.

    Raises:
        OSError: If something of its own cannot be removed.
    """
    root = os.open(folder, os.O_DIRECTORY | os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        while folders := _remove_files(root):
            for name in folders:
                inner = _opened(name, root)
                try:
                    for deeper in _remove_files(inner):
                        os.close(_opened(deeper, inner))
                        fresh = secrets.token_hex(16)
                        os.rename(deeper, fresh, src_dir_fd=inner, dst_dir_fd=root)
                finally:
                    os.close(inner)
                os.rmdir(name, dir_fd=root)
    finally:
        os.close(root)


def _remove_files(folder: int) -> list[str]:
    """Remove what is no folder, and return the folders."""
    folders = []
    own = os.geteuid()
    with os.scandir(folder) as entries:
        # All names before the first removal: a folder that shrinks may hide some.
        for entry in list(entries):
            if entry.stat(follow_symlinks=False).st_uid != own:
                continue
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.name)
            else:
                os.unlink(entry.name, dir_fd=folder)
    return folders


def _opened(name: str, folder: int) -> int:
    """Open a folder whose permissions may forbid it; a folder can be moved only if writable."""
    os.chmod(name, 0o700, dir_fd=folder)
    return os.open(name, os.O_DIRECTORY | os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
