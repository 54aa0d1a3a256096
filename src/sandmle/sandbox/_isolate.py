"""Turns a forked child of the fork server into a process that may run code that is not trusted.

Runs in that child, in two parts: what is alike for all runs is done while it waits in the pool, the
rest when it knows its run. Whatever cannot be set up ends the child before any code has run.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
from collections.abc import Sequence
from pathlib import Path

from sandmle.sandbox import _landlock
from sandmle.sandbox import _mounts as mounts
from sandmle.sandbox._limits import limit_this_process
from sandmle.sandbox._trees import attach_tree, clone_tree

WORK_DIR, SCRATCH_DIR, SCRIPT = "/box", "/scratch", "/script.py"
TEMPORARY, SHARED_MEMORY = "/tmp", "/dev/shm"  # noqa: S108 - inside the sandbox
_WRITABLE = (WORK_DIR, TEMPORARY, SHARED_MEMORY)
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
_OWN_TASKS = 1
"""The child itself, in the count of its user namespace."""
_NO_NEW_PRIVILEGES, _DROP_FROM_BOUNDING_SET, _SET_SECCOMP = 38, 24, 22
_FILTER_MODE, _NEW_LISTENER = 1, 8
_SECCOMP = {"x86_64": 317, "aarch64": 277}
_CAPABILITY_VERSION = 0x2008_0522
_GET_FLAGS, _SET_FLAGS, _UP = 0x8913, 0x8914, 1

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def enter_own_namespaces(*, omitted: frozenset[str] = frozenset()) -> None:
    """Move this process to namespaces of its own; it is the second process of its process tree.

    Args:
        omitted: Layers to leave out, for tests that prove what each of them is for.

    Raises:
        SetupError: If the kernel refuses.
    """
    os.setsid()
    kinds = mounts.NEW_MOUNTS | mounts.NEW_IPC | mounts.NEW_UTS | mounts.NEW_CGROUP
    if "network" not in omitted:
        kinds |= mounts.NEW_NETWORK
    mounts.unshare(kinds)
    mounts.mount_proc("/proc")
    if "network" not in omitted:
        _loopback_up()


def show_run(tree: int, *, disk_mib: int, script: bytes, kept: Sequence[str]) -> None:
    """Mount the session's work directory, and empty temporary places with the script in them.

    Args:
        tree: Descriptor of the session's mounts.
        disk_mib: How much the temporary places may hold together.
        script: The code, to be seen as a file.
        kept: Files and folders below the temporary place that must stay visible.

    Raises:
        SetupError: If the kernel refuses.
    """
    attach_tree(tree, WORK_DIR)
    trees = [(clone_tree(place), Path(place).is_dir()) for place in kept]
    mounts.mount_tmpfs(Path(SCRATCH_DIR), mode=0o755, mib=disk_mib)
    for name, place in (("tmp", TEMPORARY), ("shm", SHARED_MEMORY)):
        folder = Path(SCRATCH_DIR, name)
        folder.mkdir()
        folder.chmod(0o1777)
        mounts.bind_path(str(folder), place)
    for (tree_kept, is_folder), place in zip(trees, kept, strict=True):
        Path(place).parent.mkdir(parents=True, exist_ok=True)
        Path(place).mkdir() if is_folder else Path(place).touch()
        attach_tree(tree_kept, place)
    fd = os.open(f"{SCRATCH_DIR}/script.py", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o444)
    os.write(fd, script)
    os.close(fd)
    mounts.bind_path(f"{SCRATCH_DIR}/script.py", SCRIPT)
    os.chdir(WORK_DIR)


def give_up_rights(
    *,
    memory_mib: int | None,
    disk_mib: int,
    processes: int | None,
    devices: Sequence[str],
    program: bytes | None,
    omitted: frozenset[str] = frozenset(),
) -> int | None:
    """Leave this process no right but to compute and to use what was mounted for it.

    Args:
        memory_mib: Memory of the run; None leaves it to who watches, for drivers of GPUs reserve
            any amount of address space.
        disk_mib: Largest file.
        processes: Processes and threads; None where the kernel cannot count them per run.
        devices: Device files that may be used beside the usual ones.
        program: Filter of system calls; None where this processor has none.
        omitted: Layers to leave out, for tests that prove what each of them is for.

    Returns:
        Descriptor of the filter's questions.

    Raises:
        SetupError: If the kernel refuses, or something is not as it was set.
    """
    if "user" not in omitted:
        # What was mounted belongs to the user namespace above, so that no right that could be had
        # in this one would change it; and processes are counted for this run alone.
        mounts.enter_user_namespace(user=mounts.INSIDE_ID, group=mounts.INSIDE_ID)
        mounts.write("/proc/sys/user/max_user_namespaces", "0", "forbid further namespaces")
    if "limits" not in omitted:
        tasks = None if processes is None else processes + _OWN_TASKS
        limit_this_process(memory_mib=memory_mib, disk_mib=disk_mib, tasks=tasks)
    _checked(_libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0), "forbid new privileges")
    if "landlock" not in omitted and _landlock.abi():
        # TCP ends at the run's own loopback, which libraries may use.
        _landlock.restrict(
            read=("/",), write=_WRITABLE, devices=(*_DEVICES, *devices), allow_tcp=True
        )
    if "capabilities" not in omitted:
        drop_capabilities()
    listener = None
    if program is not None and "filter" not in omitted:
        listener = load_filter(program)
    _verify(omitted, filtered=listener is not None)
    return listener


def _loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        request = bytearray(struct.pack("16sH22x", b"lo", 0))
        fcntl.ioctl(sock, _GET_FLAGS, request)
        flags = struct.unpack_from("H", request, 16)[0]
        fcntl.ioctl(sock, _SET_FLAGS, struct.pack("16sH22x", b"lo", flags | _UP))


def drop_capabilities() -> None:
    """Give up all capabilities, and where it is allowed the way to get them.

    Raises:
        SetupError: If the kernel refuses.
    """
    for number in range(64):
        if _libc.prctl(_DROP_FROM_BOUNDING_SET, number, 0, 0, 0) != 0:
            break
    head = struct.pack("=Ii", _CAPABILITY_VERSION, 0)
    _checked(_libc.capset(head, bytes(24)), "drop capabilities")


def load_filter(program: bytes) -> int:
    """Load a filter of system calls, and return the descriptor of its questions.

    Raises:
        SetupError: If the kernel refuses.
    """
    kept = ctypes.create_string_buffer(program, len(program))
    argument = struct.pack("@HP", len(program) // 8, ctypes.addressof(kept))
    number = _SECCOMP[os.uname().machine]
    listener = _libc.syscall(number, _FILTER_MODE, _NEW_LISTENER, argument)
    return _checked(listener, "load the filter of system calls")


def _verify(omitted: frozenset[str], *, filtered: bool) -> None:
    """Look at what the kernel says of this process.

    Raises:
        SetupError: If a right is left.
    """
    with open("/proc/self/status", encoding="utf-8") as lines:  # noqa: PTH123 - on every run's way
        pairs = (line.rstrip().partition(":\t") for line in lines)
        found = {name: value for name, _, value in pairs}
    expected = {"NoNewPrivs": "1"}
    if filtered:
        expected["Seccomp"] = "2"
    if "capabilities" not in omitted:
        for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            expected[kind] = f"{0:016x}"
    for name, value in expected.items():
        if found.get(name) != value:
            raise mounts.SetupError(f"{name} is {found.get(name)} and must be {value}")


def _checked(result: int, what: str) -> int:
    if result < 0:
        raise mounts.SetupError(f"cannot {what}: {os.strerror(ctypes.get_errno())}")
    return result
