"""A filter of system calls, as a classic BPF program.

Stops: making namespaces and mounts, memory that belongs to no process (memfd, System V, POSIX
queues), tracing, io_uring, BPF, keyrings, sockets other than Unix and Internet ones (a virtual
machine's vsock reaches its host), other ABIs of the processor. Does not stop: bugs of the kernel in
calls that Python needs. On processors without a table here there is no filter; `probe` says so.
"""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Mapping, Sequence

# (x86_64, aarch64) numbers; None where the processor has no such call.
_REFUSED: dict[str, tuple[int | None, int | None]] = {
    "acct": (163, 89),
    "add_key": (248, 217),
    "adjtimex": (159, 171),
    "bpf": (321, 280),
    "chroot": (161, 51),
    "clock_adjtime": (305, 266),
    "clock_settime": (227, 112),
    "delete_module": (176, 106),
    "fanotify_init": (300, 262),
    "finit_module": (313, 273),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "fspick": (433, 433),
    "init_module": (175, 105),
    "ioperm": (173, None),
    "iopl": (172, None),
    "kcmp": (312, 272),
    "kexec_file_load": (320, 294),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "mq_open": (240, 180),
    "msgget": (68, 186),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "perf_event_open": (298, 241),
    "pidfd_getfd": (438, 438),
    "pivot_root": (155, 41),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "reboot": (169, 142),
    "request_key": (249, 218),
    "semget": (64, 190),
    "setns": (308, 268),
    "settimeofday": (164, 170),
    "shmget": (29, 194),
    "swapoff": (168, 225),
    "swapon": (167, 224),
    "syslog": (103, 116),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
}
# Libraries take "no such call" for an old kernel and go another way.
_ABSENT: dict[str, tuple[int | None, int | None]] = {
    "clone3": (435, 435),
    # Their number is counted per user of the host, so that one run could leave none to others.
    "inotify_init": (253, None),
    "inotify_init1": (294, 26),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
}
_CLONE = (56, 220)
_SOCKET = (41, 198)
_CONNECT = (42, 203)
_IOCTL = (16, 29)
_TERMINAL_REQUESTS = (0x5412, 0x541C)
"""TIOCSTI and TIOCLINUX, which type into a terminal. Only their low 32 bits count for the kernel,
and only those are compared (CVE-2019-10063)."""
_NEWEST = 462
"""The last call that was looked at; those of later kernels are as absent as on an older one."""
_CLONE_FLAGS = 0x7E02_8000
"""Those of new namespaces, and CLONE_PARENT, which makes a child of whoever started the script."""
_SOCKET_FAMILIES = (1, 2, 10)
"""Unix, IPv4, IPv6: the last two reach the run's own loopback only."""

_ARCHITECTURES: dict[str, tuple[int, int]] = {
    "x86_64": (0, 0xC000_003E),
    "aarch64": (1, 0xC000_00B7),
}

_LOAD, _EQUAL, _ABOVE, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x25, 0x35, 0x45, 0x06
_ALLOW, _KILL, _ERROR, _NOTIFY = 0x7FFF_0000, 0x8000_0000, 0x0005_0000, 0x7FC0_0000
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT = 0, 4, (16, 24)
_X32_BIT = 0x4000_0000


def refused_numbers(machine: str | None = None) -> dict[str, int]:
    """Return the numbers of the calls that are refused whatever their arguments, by name.

    Args:
        machine: Name of the processor as `uname -m` has it; empty where it has no table.
    """
    return numbers_of({**_REFUSED, **_ABSENT}, machine)


def notified_errors(machine: str | None = None) -> dict[int, tuple[str, int]]:
    """Return name and error, 0 for none, of each call that a notifying filter asks about.

    Args:
        machine: Name of the processor as `uname -m` has it.
    """
    column = _ARCHITECTURES[machine or os.uname().machine][0]
    errors = {number: (name, errno.EPERM) for name, number in numbers_of(_REFUSED, machine).items()}
    return errors | {
        _CLONE[column]: ("clone with refused flags", errno.EPERM),
        _SOCKET[column]: ("socket of another family", errno.EAFNOSUPPORT),
        _IOCTL[column]: ("ioctl on a terminal", errno.EPERM),
        _CONNECT[column]: ("connect", 0),
    }


def seccomp_filter(
    machine: str | None = None, *, notify: bool = False, first: Sequence[bytes] = ()
) -> bytes | None:
    """Return the program for this processor, or None where it has no table.

    Args:
        machine: Name of the processor as `uname -m` has it.
        notify: Whether whoever listens to the filter is asked about each refused call, and about
            each connect, instead of the filter's own answer.
        first: Steps that come before the tables, made of `on_call` and `on_argument`.
    """
    found = _ARCHITECTURES.get(machine or os.uname().machine)
    if found is None:
        return None
    column, architecture = found

    def refuse(error: int) -> bytes:
        return ASK if notify else answer(error)

    program = [
        _step(_LOAD, _ARCHITECTURE_AT),
        _step(_EQUAL, architecture, yes=1),
        _step(_RETURN, _KILL),
        _step(_LOAD, _NUMBER_AT),
        _step(_AT_LEAST, _X32_BIT, no=1),
        _step(_RETURN, _KILL),
        _step(_ABOVE, _NEWEST, no=1),
        answer(errno.ENOSYS),
        *first,
    ]
    for number in numbers_of(_REFUSED, machine).values():
        program += on_call(number, refuse(errno.EPERM))
    for number in numbers_of(_ABSENT, machine).values():
        program += on_call(number, answer(errno.ENOSYS))
    if notify:
        program += on_call(_CONNECT[column], ASK)
    program += on_argument(
        _CLONE[column], 0, (_CLONE_FLAGS,), hit=refuse(errno.EPERM), miss=ALLOW, test=_ANY_BIT
    )
    program += on_argument(
        _IOCTL[column], 1, _TERMINAL_REQUESTS, hit=refuse(errno.EPERM), miss=ALLOW
    )
    program += on_argument(
        _SOCKET[column], 0, _SOCKET_FAMILIES, hit=ALLOW, miss=refuse(errno.EAFNOSUPPORT)
    )
    return b"".join([*program, ALLOW])


def numbers_of(
    table: Mapping[str, tuple[int | None, int | None]], machine: str | None = None
) -> dict[str, int]:
    """Return the numbers of the calls of a table that a processor has; none where it is unknown."""
    found = _ARCHITECTURES.get(machine or os.uname().machine)
    if found is None:
        return {}
    by_name = {name: numbers[found[0]] for name, numbers in table.items()}
    return {name: number for name, number in by_name.items() if number is not None}


def on_call(number: int, verdict: bytes) -> list[bytes]:
    """Return the steps that give a verdict on one call."""
    return [_step(_EQUAL, number, no=1), verdict]


def on_argument(
    number: int,
    argument: int,
    values: tuple[int, ...],
    *,
    hit: bytes,
    miss: bytes,
    test: int = _EQUAL,
) -> list[bytes]:
    """Return the steps that give a verdict on one call by the low half of an argument."""
    count = len(values)
    return [
        _step(_EQUAL, number, no=count + 3),
        _step(_LOAD, _ARGUMENTS_AT[argument]),
        *(_step(test, value, yes=count - place) for place, value in enumerate(values)),
        miss,
        hit,
    ]


def answer(error: int) -> bytes:
    """Return the verdict that a call fails with `error`; 0 says that it is done."""
    return _step(_RETURN, _ERROR | error)


def _step(code: int, operand: int, *, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("=HBBI", code, yes, no, operand)


ALLOW = _step(_RETURN, _ALLOW)
ASK = _step(_RETURN, _NOTIFY)
"""The verdict of whoever listens to the filter."""
