"""Namespaces and mounts by libc, without a system call number in sight."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

NEW_MOUNTS = 0x0002_0000
NEW_USER = 0x1000_0000
_NO_SUID, _NO_DEVICES, _BIND, _RECURSIVE, _PRIVATE = 2, 4, 4096, 16384, 1 << 18
_DETACH = 2
_SET_CHILD_SUBREAPER = 36

_libc = ctypes.CDLL(None, use_errno=True)


class SetupError(Exception):
    """A step of the isolation was refused; the message is for the user."""


def become_subreaper() -> None:
    """Make the orphans of this process's descendants its own children."""
    _checked(_libc.prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "adopt orphaned processes")


def enter_namespaces(flags: int) -> None:
    """Move this process into new namespaces, with mounts that nobody else sees.

    Raises:
        SetupError: If the kernel refuses.
    """
    what = "make a user namespace" if flags & NEW_USER else "make a mount namespace"
    user, group = os.getuid(), os.getgid()
    _checked(_libc.unshare(flags), what)
    if flags & NEW_USER:
        _write("/proc/self/setgroups", "deny", what)
        _write("/proc/self/uid_map", f"{INSIDE_ID} {user} 1", what)
        _write("/proc/self/gid_map", f"{INSIDE_ID} {group} 1", what)
    _mount("none", "/", "none", _RECURSIVE | _PRIVATE, "", what="make the mounts private")


INSIDE_ID = 1000
"""The user and group that code has by its own view."""


def mount_tmpfs(
    target: Path, *, mode: int, owner: int | None = None, mib: int | None = None
) -> None:
    """Mount an empty file system in memory.

    Args:
        target: The directory that it covers.
        mode: Permissions of its root.
        owner: User and group of its root; None for this process's.
        mib: How much it may hold; None leaves the kernel's bound.

    Raises:
        SetupError: If the kernel refuses.
    """
    options = [f"mode={mode:o}"]
    if owner is not None:
        options += [f"uid={owner}", f"gid={owner}"]
    if mib is not None:
        options += [f"size={mib}m", f"nr_inodes={max(4096, 64 * mib)}"]
    flags = _NO_SUID | _NO_DEVICES
    _mount(
        "tmpfs", str(target), "tmpfs", flags, ",".join(options), what=f"mount a tmpfs of {mib} MiB"
    )


def bind(source: int, target: Path) -> None:
    """Make what the descriptor `source` stands for appear at `target` too.

    Raises:
        SetupError: If the kernel refuses.
    """
    place = f"/proc/self/fd/{source}"
    what = f"bind {Path(place).readlink()}"
    _mount(place, str(target), "none", _BIND | _RECURSIVE, "", what=what)


def unmount(target: Path) -> None:
    """Take a mount away, also while it is in use."""
    _checked(_libc.umount2(str(target).encode(), _DETACH), f"unmount {target}")


def _mount(source: str, target: str, kind: str, flags: int, options: str, *, what: str) -> None:
    result = _libc.mount(
        source.encode(),
        target.encode(),
        kind.encode(),
        ctypes.c_ulong(flags),
        options.encode() or None,
    )
    _checked(result, what)


def _write(path: str, text: str, what: str) -> None:
    try:
        Path(path).write_text(text, encoding="ascii")
    except OSError as exc:
        raise SetupError(f"cannot {what}: {path}: {exc.strerror}") from exc


def _checked(result: int, what: str) -> None:
    if result != 0:
        raise SetupError(f"cannot {what}: {os.strerror(ctypes.get_errno())}")
