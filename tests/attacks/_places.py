"""Private mounts in which another user reaches what lies in somebody's closed folders.

Runs in processes of its own (`_cage`, `_as_user`), never in the one that runs the tests.
"""

from __future__ import annotations

import ctypes
import os
import stat
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

NEW_MOUNTS, NEW_USER, NEW_PIDS, NEW_IPC = 0x0002_0000, 0x1000_0000, 0x2000_0000, 0x0800_0000
_READ_ONLY, _REMOUNT, _BIND, _RECURSIVE, _PRIVATE = 1, 32, 4096, 16384, 1 << 18
_KEPT_FLAGS = 2 | 4 | 8 | 1024 | 2048 | 1 << 21
"""nosuid, nodev, noexec, noatime, nodiratime, relatime: a user namespace may not take them off."""
_DIE_WITH_PARENT = 1

_libc = ctypes.CDLL(None, use_errno=True)


def unshare(flags: int) -> None:
    """Leave the namespaces of the caller; as an ordinary user by way of a user namespace."""
    ordinary = os.geteuid() != 0
    user, group = os.getuid(), os.getgid()
    _checked(_libc.unshare(flags | (NEW_USER if ordinary else 0)), "unshare")
    if ordinary:
        _map_ids((0, 0), (user, group))
    _mount(None, "/", None, _RECURSIVE | _PRIVATE)


def die_with_parent() -> None:
    """Have the kernel kill this process when the one that started it is dead."""
    _checked(_libc.prctl(_DIE_WITH_PARENT, 9, 0, 0, 0), "die with the parent")


def interpreter_places() -> list[Path]:
    """Return the folders that this interpreter, and the modules beside this one, need."""
    given = [Path(sys.prefix), Path(sys.base_prefix), Path(__file__).parent]
    return list(dict.fromkeys(path for place in given for path in (place, place.resolve())))


def show(places: Iterable[Path], *, empty: Sequence[Path] = ()) -> None:
    """Lay an empty folder over each of `empty` and of those that bar the way to `places`.

    `places` are seen again where they were.
    """
    sources = {place: os.open(place, os.O_PATH) for place in places if place.exists()}
    covers = [*empty, *(closed for place in sources if (closed := _closed_above(place)))]
    for cover in dict.fromkeys(covers):
        if not any(cover != other and cover.is_relative_to(other) for other in covers):
            mode = 0o1777 if cover in empty else 0o755
            _mount("tmpfs", str(cover), "tmpfs", 0, f"mode={mode:o},size=256m")
    for place, source in sorted(sources.items(), key=lambda item: len(item[0].parts)):
        if not place.exists():
            place.mkdir(parents=True)
            _mount(f"/proc/self/fd/{source}", str(place), None, _BIND | _RECURSIVE)
        os.close(source)


def protect(places: Sequence[Path]) -> None:
    """Keep the host's files as they are, whatever is written to them from here on.

    The root's own file system becomes read-only; what is written to `places` goes to memory.
    """
    layers = Path("/tmp/layers")
    for number, place in enumerate(place for place in places if place.resolve() == place):
        upper, work = layers / f"upper{number}", layers / f"work{number}"
        for folder in (upper, work):
            folder.mkdir(parents=True)
        options = f"lowerdir={place},upperdir={upper},workdir={work}"
        _mount("overlay", str(place), "overlay", 0, options)
    kept = os.statvfs("/").f_flag & _KEPT_FLAGS
    _mount(None, "/", None, _REMOUNT | _BIND | _READ_ONLY | kept)


def mount_proc() -> None:
    """Show the processes of the own namespace."""
    _mount("proc", "/proc", "proc", 2 | 4 | 8)


def become(user: int, *, root: bool) -> None:
    """Be an ordinary user for good, without capabilities from the next program on.

    Args:
        user: Its number.
        root: Whether this is root of the machine; otherwise the number is one in a namespace.
    """
    if root:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
        return
    outside = os.getuid(), os.getgid()
    _checked(_libc.unshare(NEW_USER), "unshare")
    _map_ids((user, user), outside)


def _map_ids(inside: tuple[int, int], outside: tuple[int, int]) -> None:
    maps = zip(("uid_map", "gid_map"), inside, outside, strict=True)
    Path("/proc/self/setgroups").write_text("deny")
    for name, one, other in maps:
        Path("/proc/self", name).write_text(f"{one} {other} 1")


def _closed_above(place: Path) -> Path | None:
    """Return the outermost folder above `place` that others may not enter."""
    closed = [up for up in place.parents if not up.stat().st_mode & stat.S_IXOTH]
    return closed[-1] if closed else None


def _mount(
    source: str | None, target: str, kind: str | None, flags: int, options: str | None = None
) -> None:
    words = (None if word is None else word.encode() for word in (source, target, kind))
    data = None if options is None else options.encode()
    _checked(_libc.mount(*words, ctypes.c_ulong(flags), data), f"mount {kind or source} {target}")


def _checked(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"cannot {what}: {os.strerror(number)}")
