"""Mounts without a place: made by one process, passed as a descriptor, attached by another.

The calls have one number on all processors.
"""

from __future__ import annotations

import ctypes
import os

from sandmle.sandbox._mounts import SetupError

_OPEN_TREE, _MOVE_MOUNT = 428, 429
_HERE = -100
_CLONE, _CLOSE_ON_EXEC, _RECURSIVE = 1, os.O_CLOEXEC, 0x8000
_FROM_DESCRIPTOR = 4

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def clone_tree(path: str) -> int:
    """Return a descriptor of a copy of the mounts at and below `path`.

    Raises:
        SetupError: If the kernel refuses.
    """
    flags = _CLONE | _CLOSE_ON_EXEC | _RECURSIVE
    return _called(f"copy the mount {path}", _OPEN_TREE, _HERE, path.encode(), flags)


def attach_tree(tree: int, path: str) -> None:
    """Mount what `tree` stands for at `path`; `tree` is closed.

    Raises:
        SetupError: If the kernel refuses.
    """
    what = f"attach a mount at {path}"
    _called(what, _MOVE_MOUNT, tree, b"", _HERE, path.encode(), _FROM_DESCRIPTOR)
    os.close(tree)


def _called(what: str, number: int, *arguments: int | bytes) -> int:
    words = [
        ctypes.c_char_p(word) if isinstance(word, bytes) else ctypes.c_long(word)
        for word in arguments
    ]
    result = int(_libc.syscall(ctypes.c_long(number), *words))
    if result < 0:
        raise SetupError(f"cannot {what}: {os.strerror(ctypes.get_errno())}")
    return result
