"""Namespaces and mounts by libc, without a system call number in sight."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

NEW_MOUNTS = 0x0002_0000
NEW_CGROUP = 0x0200_0000
NEW_UTS = 0x0400_0000
NEW_IPC = 0x0800_0000
NEW_USER = 0x1000_0000
NEW_PIDS = 0x2000_0000
NEW_NETWORK = 0x4000_0000
_READ_ONLY, _NO_SUID, _NO_DEVICES, _NO_PROGRAMS, _REMOUNT = 1, 2, 4, 8, 32
_BIND, _RECURSIVE, _PRIVATE = 4096, 16384, 1 << 18
_DETACH = 2
_SET_CHILD_SUBREAPER = 36

_libc = ctypes.CDLL(None, use_errno=True)


class SetupError(Exception):
    """A step of the isolation was refused; the message is for the user."""


def become_subreaper() -> None:
    """Make the orphans of this process's descendants its own children."""
    _checked(_libc.prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "adopt orphaned processes")


def unshare(flags: int) -> None:
    """Move this process, or for process ids its next child, into new namespaces.

    Raises:
        SetupError: If the kernel refuses.
    """
    what = "make a user namespace" if flags & NEW_USER else "make namespaces"
    _checked(_libc.unshare(flags), what)


def join_namespace(descriptor: int, kind: int) -> None:
    """Move this process, or for process ids its next child, into an existing namespace.

    Raises:
        SetupError: If the kernel refuses.
    """
    _checked(_libc.setns(descriptor, kind), "go back to a namespace")


def enter_user_namespace(*, also: int = 0, user: int, group: int) -> None:
    """Move this process into a user namespace of its own, with all rights there.

    Args:
        also: Further namespaces, which will belong to it.
        user: The user that this process has outside.
        group: The group that it has outside.

    Raises:
        SetupError: If the kernel refuses.
    """
    unshare(NEW_USER | also)
    what = "map the user into the namespace"
    write("/proc/self/setgroups", "deny", what)
    write("/proc/self/uid_map", f"{INSIDE_ID} {user} 1", what)
    write("/proc/self/gid_map", f"{INSIDE_ID} {group} 1", what)


def enter_namespaces(flags: int) -> None:
    """Move this process into new namespaces, with mounts that nobody else sees.

    Raises:
        SetupError: If the kernel refuses.
    """
    if flags & NEW_USER:
        enter_user_namespace(also=flags & ~NEW_USER, user=os.getuid(), group=os.getgid())
    else:
        unshare(flags)
    make_private()


def make_private() -> None:
    """Keep what is mounted from here on to this process's mount namespace.

    Raises:
        SetupError: If the kernel refuses.
    """
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


def bind_path(source: str, target: str, *, read_only: bool = False) -> None:
    """Make the file or folder at `source` appear at `target` too.

    Raises:
        SetupError: If the kernel refuses.
    """
    _mount(source, target, "none", _BIND, "", what=f"bind {source}")
    if read_only:
        flags = _BIND | _REMOUNT | _READ_ONLY | _NO_SUID | _NO_DEVICES
        _mount("none", target, "none", flags, "", what=f"make {target} read-only")


def mount_proc(target: str) -> None:
    """Mount the process information of this process's own process namespace.

    Raises:
        SetupError: If the kernel refuses.
    """
    flags = _NO_SUID | _NO_DEVICES | _NO_PROGRAMS
    _mount("proc", target, "proc", flags, "", what="mount /proc")


def unmount(target: Path) -> None:
    """Take a mount away, also while it is in use.

    Raises:
        SetupError: If the kernel refuses.
    """
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


def write(path: str, text: str, what: str) -> None:
    """Write a setting of the kernel; `what` says what for.

    Raises:
        SetupError: If the kernel refuses.
    """
    try:
        Path(path).write_text(text, encoding="ascii")
    except OSError as exc:
        raise SetupError(f"cannot {what}: {path}: {exc.strerror}") from exc


def _checked(result: int, what: str) -> None:
    if result != 0:
        raise SetupError(f"cannot {what}: {os.strerror(ctypes.get_errno())}")
