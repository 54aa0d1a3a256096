"""What a filter of system calls has to close where no namespace does, on top of `_seccomp`.

Code shares the user, the network and the process ids of its host there, and Landlock governs
opening, making and removing files, signals and tracing.

Stops: sockets of any kind but connected pairs; changing the mode, the owner, the times and the
attributes of files, which are the user's own; limits, priorities and processor sets of other
processes; System V and POSIX memory and queues that exist already; watching files; leaving the
process group, by which a run is killed. Does not stop: `stat`, `readlink` and `access` of any path,
`flock` of a file that can be read.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping
from typing import NamedTuple

from sandmle.sandbox import _seccomp as seccomp

# By name, the numbers on x86_64 and aarch64; None where the processor has no such call.
_REFUSED: Mapping[str, tuple[int | None, int | None]] = {
    "bind": (49, 200),
    "chown": (92, None),
    "connect": (42, 203),
    "fchown": (93, 55),
    "fchownat": (260, 54),
    "lchown": (94, None),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    "mq_unlink": (241, 181),
    "msgctl": (71, 187),
    "msgrcv": (70, 188),
    "msgsnd": (69, 189),
    "process_madvise": (440, 440),
    "semctl": (66, 191),
    "semop": (65, 193),
    "semtimedop": (220, 192),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "socket": (41, 198),
}
"""Calls that code has no business with."""

_ABSENT: Mapping[str, tuple[int | None, int | None]] = {
    "inotify_add_watch": (254, 27),
    "inotify_init": (253, None),
    "inotify_init1": (294, 26),
    "listmount": (458, 458),
    "statmount": (457, 457),
}
"""Calls that libraries do without, as on a kernel that has none."""

_IGNORED: Mapping[str, tuple[int | None, int | None]] = {
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "futimesat": (261, None),
    "ioprio_set": (251, 30),
    "setpgid": (109, 154),
    "setpriority": (141, 140),
    "setsid": (112, 157),
    "utime": (132, None),
    "utimensat": (280, 88),
    "utimes": (235, None),
}
"""Calls that do nothing and say that it is done: who copies a file or starts a daemon goes on, as
on a file system that keeps no modes. Priorities may be those of another process."""

_UNSUPPORTED: Mapping[str, tuple[int | None, int | None]] = {
    "fremovexattr": (199, 16),
    "fsetxattr": (190, 7),
    "lremovexattr": (198, 15),
    "lsetxattr": (189, 6),
    "removexattr": (197, 14),
    "setxattr": (188, 5),
}
"""Calls that the file system is said not to support."""


class _Rule(NamedTuple):
    """An answer that depends on the low half of one argument."""

    name: str
    numbers: tuple[int, int]
    argument: int
    values: tuple[int, ...]
    error: int
    """0 says that it is done."""
    allowed: bool
    """Whether these values are allowed and all others get the error, or the other way round."""


_ITSELF = (0,)
_STREAM_PAIRS = (0x1, 0x8_0001, 0x801, 0x8_0801)
"""Connected streams, with or without close-on-exec and non-blocking. A datagram socket of a pair
could be pointed at any Unix socket of the host."""
_HARMLESS_REQUESTS = (0x5401, 0x5413, 0x540F, 0x541B, 0x5421, 0x5450, 0x5451, 0x5452)
"""What is asked of descriptors of all kinds: whether they are a terminal (TCGETS, TIOCGWINSZ,
TIOCGPGRP), how much can be read, blocking, and close-on-exec. Others change files that are open
for reading: attributes (FS_IOC_SETFLAGS), or subvolumes of Btrfs."""
_SET_LEASE, _NOTIFY = 1024, 1026
_SET_PARENT_DEATH_SIGNAL, _SET_CHILD_SUBREAPER = 1, 36

_RULES = (
    _Rule("ioctl", (16, 29), 1, _HARMLESS_REQUESTS, errno.ENOTTY, allowed=True),
    _Rule("socketpair", (53, 199), 1, _STREAM_PAIRS, errno.EPERM, allowed=True),
    _Rule("prlimit64", (302, 261), 0, _ITSELF, errno.EPERM, allowed=True),
    _Rule("sched_setaffinity", (203, 122), 0, _ITSELF, errno.EPERM, allowed=True),
    _Rule("sched_setattr", (314, 274), 0, _ITSELF, errno.EPERM, allowed=True),
    _Rule("sched_setparam", (142, 118), 0, _ITSELF, errno.EPERM, allowed=True),
    _Rule("sched_setscheduler", (144, 119), 0, _ITSELF, errno.EPERM, allowed=True),
    _Rule("fcntl", (72, 25), 1, (_SET_LEASE, _NOTIFY), errno.EPERM, allowed=False),
    # By these two a run is watched and killed: it dies with the fork server, and what has lost its
    # parent becomes the server's child.
    _Rule(
        "prctl",
        (157, 167),
        0,
        (_SET_PARENT_DEATH_SIGNAL, _SET_CHILD_SUBREAPER),
        0,
        allowed=False,
    ),
)


def strict_filter(machine: str | None = None, *, notify: bool = False) -> bytes | None:
    """Return the program for this processor, or None where it has no table.

    Args:
        machine: Name of the processor as `uname -m` has it.
        notify: Whether whoever listens is asked about each refused call; see `strict_errors`.
    """
    refuse = seccomp.ASK if notify else seccomp.answer(errno.EPERM)
    tables = (
        (_REFUSED, refuse),
        (_ABSENT, seccomp.answer(errno.ENOSYS)),
        (_IGNORED, seccomp.answer(0)),
        (_UNSUPPORTED, seccomp.answer(errno.EOPNOTSUPP)),
    )
    steps: list[bytes] = []
    for table, verdict in tables:
        for number in seccomp.numbers_of(table, machine).values():
            steps += seccomp.on_call(number, verdict)
    for rule in _RULES:
        verdicts = (seccomp.ALLOW, seccomp.answer(rule.error))
        hit, miss = verdicts if rule.allowed else verdicts[::-1]
        for number in seccomp.numbers_of({rule.name: rule.numbers}, machine).values():
            steps += seccomp.on_argument(number, rule.argument, rule.values, hit=hit, miss=miss)
    return seccomp.seccomp_filter(machine, notify=notify, first=steps)


def strict_errors(machine: str | None = None) -> dict[int, tuple[str, int]]:
    """Return name and error of each call that a notifying filter asks about.

    Args:
        machine: Name of the processor as `uname -m` has it.
    """
    refused = seccomp.numbers_of(_REFUSED, machine)
    return seccomp.notified_errors(machine) | {
        number: (name, errno.EPERM) for name, number in refused.items()
    }
