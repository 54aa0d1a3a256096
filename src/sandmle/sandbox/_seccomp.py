"""A filter of system calls, as a classic BPF program for `bwrap --seccomp`.

Stops: making namespaces and mounts, memory that belongs to no process (memfd, System V, POSIX
queues), tracing, io_uring, BPF, keyrings, sockets other than Unix and Internet ones (a virtual
machine's vsock reaches its host), other ABIs of the processor. Does not stop: bugs of the kernel in
calls that Python needs. On processors without a table here there is no filter; `probe` says so.
"""

from __future__ import annotations

import errno
import os
import struct

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
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
}
_CLONE = (56, 220)
_SOCKET = (41, 198)
_NEW_NAMESPACES = 0x7E02_0000
_SOCKET_FAMILIES = (1, 2, 10)
"""Unix, IPv4, IPv6: the last two reach the run's own loopback only."""

_ARCHITECTURES: dict[str, tuple[int, int]] = {
    "x86_64": (0, 0xC000_003E),
    "aarch64": (1, 0xC000_00B7),
}

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _ERROR = 0x7FFF_0000, 0x8000_0000, 0x0005_0000
_NUMBER_AT, _ARCHITECTURE_AT, _FIRST_ARGUMENT_AT = 0, 4, 16
_X32_BIT = 0x4000_0000


def refused_numbers(machine: str | None = None) -> dict[str, int]:
    """Return the numbers of the calls that are refused whatever their arguments, by name.

    Args:
        machine: Name of the processor as `uname -m` has it; empty where it has no table.
    """
    column = _ARCHITECTURES.get(machine or os.uname().machine, (None, 0))[0]
    if column is None:
        return {}
    table = {**_REFUSED, **_ABSENT}
    found = {name: numbers[column] for name, numbers in table.items()}
    return {name: number for name, number in found.items() if number is not None}


def seccomp_filter(machine: str | None = None) -> bytes | None:
    """Return the program for this processor, or None where it has no table.

    Args:
        machine: Name of the processor as `uname -m` has it.
    """
    found = _ARCHITECTURES.get(machine or os.uname().machine)
    if found is None:
        return None
    column, architecture = found
    program = [
        _step(_LOAD, _ARCHITECTURE_AT),
        _step(_EQUAL, architecture, yes=1),
        _step(_RETURN, _KILL),
        _step(_LOAD, _NUMBER_AT),
        _step(_AT_LEAST, _X32_BIT, no=1),
        _step(_RETURN, _KILL),
    ]
    for table, error in ((_REFUSED, errno.EPERM), (_ABSENT, errno.ENOSYS)):
        for numbers in table.values():
            number = numbers[column]
            if number is not None:
                program += [_step(_EQUAL, number, no=1), _step(_RETURN, _ERROR | error)]
    program += [
        _step(_EQUAL, _CLONE[column], no=4),
        _step(_LOAD, _FIRST_ARGUMENT_AT),
        _step(_ANY_BIT, _NEW_NAMESPACES, no=1),
        _step(_RETURN, _ERROR | errno.EPERM),
        _step(_RETURN, _ALLOW),
        _step(_EQUAL, _SOCKET[column], no=len(_SOCKET_FAMILIES) + 2),
        _step(_LOAD, _FIRST_ARGUMENT_AT),
    ]
    left = len(_SOCKET_FAMILIES)
    program += [
        _step(_EQUAL, family, yes=left - place) for place, family in enumerate(_SOCKET_FAMILIES)
    ]
    program += [_step(_RETURN, _ERROR | errno.EAFNOSUPPORT), _step(_RETURN, _ALLOW)]
    return b"".join(program)


def _step(code: int, operand: int, *, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("=HBBI", code, yes, no, operand)
