"""Landlock: a process gives up files, TCP and signals, for itself and all that it starts.

Works without any privilege and without namespaces, on top of whatever else there is.

Stops: opening, making, moving and removing files elsewhere than in the places given; TCP; signals,
tracing and abstract Unix sockets across the border of the run. Does not stop, whatever the ABI: a
look at the metadata of a file (`stat`, `access`), changing it (`chmod`, `chown`, `utime`, extended
attributes), `flock` on a readable file, UDP, Unix sockets by path, use of what is already open;
with CAP_PERFMON, reading the environment of other processes below a readable /proc.
"""

from __future__ import annotations

import ctypes
import os
import stat
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sandmle.sandbox._mounts import SetupError

TCP_SINCE = 4
"""The ABI (Linux 6.7) from which TCP can be given up."""
SCOPES_SINCE = 6
"""The ABI (Linux 6.12) from which signals and abstract Unix sockets stay within the run."""

# The kernel's names, include/uapi/linux/landlock.h.
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_MAKE_CHAR, _MAKE_BLOCK = 1 << 6, 1 << 11
_TRUNCATE, _IOCTL_DEV = 1 << 14, 1 << 15
_FS_RIGHTS_BY_ABI = (0, 13, 14, 15, 15, 16)
"""How many rights on files each ABI knows; later ones know as many as the last one here."""
_BIND_TCP, _CONNECT_TCP = 1 << 0, 1 << 1
_SCOPE_ABSTRACT_UNIX, _SCOPE_SIGNAL = 1 << 0, 1 << 1

_ON_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
"""The rights that a rule on a file may have; with others the kernel refuses it."""
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_WRITE = ~(_MAKE_CHAR | _MAKE_BLOCK | _IOCTL_DEV)
_DEVICE = _READ_FILE | _WRITE_FILE | _TRUNCATE | _IOCTL_DEV

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_ASK_VERSION, _PATH_BENEATH = 1, 1
_LOG_OFF_SINCE, _LOG_OFF = 7, 1 << 0 | 1 << 2
"""Without it code could flood the system's audit log with refusals."""
_NO_NEW_PRIVILEGES = 38


class Handled(NamedTuple):
    """What a set of rules takes away where no rule gives it."""

    files: int
    tcp: int
    scopes: int


class _RulesetAttributes(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("tcp", ctypes.c_uint64), ("scopes", ctypes.c_uint64))


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long
_NOTHING = ctypes.c_long(0)


def abi() -> int:
    """Return the version of Landlock that this kernel has; 0 for none."""
    return max(0, int(_call(_CREATE_RULESET, None, _NOTHING, ctypes.c_long(_ASK_VERSION))))


def handled(version: int, *, allow_tcp: bool, scoped: bool) -> Handled:
    """Return what a kernel with this ABI can take away.

    Args:
        version: The ABI.
        allow_tcp: Whether to leave TCP as it is.
        scoped: Whether to keep signals and abstract Unix sockets within the run.
    """
    known = _FS_RIGHTS_BY_ABI[min(max(version, 0), len(_FS_RIGHTS_BY_ABI) - 1)]
    return Handled(
        files=(1 << known) - 1,
        tcp=_BIND_TCP | _CONNECT_TCP if version >= TCP_SINCE and not allow_tcp else 0,
        scopes=_SCOPE_ABSTRACT_UNIX | _SCOPE_SIGNAL if version >= SCOPES_SINCE and scoped else 0,
    )


def restrict(
    *,
    read: Sequence[str | int],
    write: Sequence[str | int],
    list_only: Sequence[str | int] = (),
    devices: Sequence[str | int] = (),
    allow_tcp: bool = False,
    scoped: bool = True,
) -> None:
    """Give up, for good, all files but these; also sets "no new privileges".

    Places are paths, or descriptors that stand for them; `O_PATH` is enough. One that this process
    cannot reach is passed over. What this kernel's ABI does not know stays open: compare `abi()`
    with `TCP_SINCE` and `SCOPES_SINCE` where nothing else closes it.

    Args:
        read: Files and folders, with all beneath, to read and to execute.
        write: Files and folders, with all beneath, in which everything is allowed but devices.
        list_only: Folders in which, and beneath which, names may be listed.
        devices: Device files to read, write and control.
        allow_tcp: Whether TCP may be used.
        scoped: Whether to keep signals and abstract Unix sockets within this process and those
            that it starts from here on.

    Raises:
        SetupError: If the kernel has no Landlock or refuses.
    """
    version = abi()
    if not version:
        raise SetupError("this kernel has no Landlock, or it is switched off (see `lsm=`)")
    what = handled(version, allow_tcp=allow_tcp, scoped=scoped)
    attributes = _RulesetAttributes(*what)
    # An older kernel takes a longer structure whose end is zero.
    ruleset = _call(
        _CREATE_RULESET,
        ctypes.byref(attributes),
        ctypes.c_long(ctypes.sizeof(attributes)),
        _NOTHING,
    )
    _checked(ruleset, "make a Landlock ruleset")
    try:
        for places, rights in ((read, _READ), (write, _WRITE), (devices, _DEVICE)):
            _allow(ruleset, places, rights & what.files)
        _allow(ruleset, list_only, _READ_DIR)
        _checked(_libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0), "give up new privileges")
        flags = _LOG_OFF if version >= _LOG_OFF_SINCE else 0
        entered = _call(_RESTRICT_SELF, ctypes.c_long(ruleset), ctypes.c_long(flags))
        _checked(entered, "enter the Landlock ruleset")
    finally:
        os.close(ruleset)


def _allow(ruleset: int, places: Iterable[str | int], rights: int) -> None:
    for place in places:
        if isinstance(place, int):
            _add_rule(ruleset, place, place, rights)
            continue
        try:
            fd = os.open(place, os.O_PATH | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            continue
        except OSError as exc:
            raise SetupError(f"cannot allow {place}: {exc.strerror}") from exc
        try:
            _add_rule(ruleset, fd, place, rights)
        finally:
            os.close(fd)


def _add_rule(ruleset: int, fd: int, place: str | int, rights: int) -> None:
    if not stat.S_ISDIR(os.fstat(fd).st_mode):
        rights &= _ON_FILES
    if not rights:
        return
    rule = _PathBeneath(rights, fd)
    added = _call(
        _ADD_RULE,
        ctypes.c_long(ruleset),
        ctypes.c_long(_PATH_BENEATH),
        ctypes.byref(rule),
        _NOTHING,
    )
    _checked(added, f"allow {place}")


def _call(number: int, *arguments: object) -> int:
    result: int = _libc.syscall(ctypes.c_long(number), *arguments)
    return result


def _checked(result: int, what: str) -> None:
    if result < 0:
        raise SetupError(f"cannot {what}: {os.strerror(ctypes.get_errno())}")
