"""Removes folders whose contents were in hostile hands: however deep, closed, or oddly named.

What is in a folder that is to go is moved up to the top first, so the depth costs neither recursion
nor descriptors, and no path gets too long. No link is followed.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from pathlib import Path

_PLACE = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_LIST = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


def remove_tree(place: Path) -> None:
    """Remove what is there; what the kernel does not let go of is left."""
    try:
        if not stat.S_ISDIR(place.lstat().st_mode):
            place.unlink()
            return
        top = _enter(str(place), None)
    except FileNotFoundError:
        return
    try:
        left: set[str] = set()
        # What cannot be removed is there again, under the same name.
        while (found := set(os.listdir(top))) != left:  # noqa: PTH208 - of a descriptor
            for name in found:
                with contextlib.suppress(OSError):
                    _remove(name, top)
            left = found
    finally:
        os.close(top)
    with contextlib.suppress(OSError):
        place.rmdir()


def _remove(name: str, top: int) -> None:
    """Remove an entry of `top`; the folders in it become entries of `top` themselves."""
    try:
        os.unlink(name, dir_fd=top)
    except IsADirectoryError:
        pass
    else:
        return
    folder = _enter(name, top)
    try:
        for inner in os.listdir(folder):  # noqa: PTH208 - of a descriptor
            try:
                os.unlink(inner, dir_fd=folder)
            except IsADirectoryError:
                # To move a folder is to change it.
                os.close(_enter(inner, folder))
                os.rename(inner, secrets.token_hex(12), src_dir_fd=folder, dst_dir_fd=top)
    finally:
        os.close(folder)
    os.rmdir(name, dir_fd=top)


def _enter(name: str, folder: int | None) -> int:
    """Open a folder after opening it to its owner."""
    place = os.open(name, _PLACE, dir_fd=folder)
    try:
        # By the descriptor, so that no link can be put in its place.
        by_descriptor = f"/proc/self/fd/{place}"
        with contextlib.suppress(PermissionError):
            os.chmod(by_descriptor, 0o700)  # noqa: PTH101 - as above
        return os.open(by_descriptor, _LIST)
    finally:
        os.close(place)
