"""Limits that the kernel holds for one run, set in the process that becomes it.

They bound single processes; `_watch` adds them up.
"""

from __future__ import annotations

import resource

OPEN_FILES = 1024
"""Open descriptors of a process of a run."""
_MIB = 1 << 20
# Libraries reserve address space that they never touch: pyarrow alone 1.2 GiB.
_DATA_SLACK = 2 << 30
_ADDRESS_SPACE_SLACK = 4 << 30


def limit_this_process(
    *,
    memory_mib: int | None,
    disk_mib: int,
    tasks: int | None = None,
    open_files: int | None = None,
) -> None:
    """Set the limits of this process and of its children, for good.

    Args:
        memory_mib: Memory that the run may use; a process may reserve some GiB more. None for no
            bound.
        disk_mib: Largest file.
        tasks: Processes and threads of the user that this process runs as; None for no bound.
        open_files: Open descriptors of a process; None leaves the bound as it is.
    """
    bounds = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: disk_mib * _MIB,
        resource.RLIMIT_DATA: None if memory_mib is None else memory_mib * _MIB + _DATA_SLACK,
        resource.RLIMIT_AS: (
            None if memory_mib is None else memory_mib * _MIB + _ADDRESS_SPACE_SLACK
        ),
        resource.RLIMIT_MEMLOCK: 64 << 10,
        resource.RLIMIT_MSGQUEUE: 0,
        resource.RLIMIT_SIGPENDING: 256,
        resource.RLIMIT_RTPRIO: 0,
        resource.RLIMIT_NICE: 0,
        resource.RLIMIT_NPROC: tasks,
        resource.RLIMIT_NOFILE: open_files,
    }
    for kind, wanted in bounds.items():
        if wanted is not None:
            hard = resource.getrlimit(kind)[1]
            bound = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
            resource.setrlimit(kind, (bound, bound))


def limit_open_files() -> None:
    """Bound the descriptors of this process and of its children, for good.

    Apart from the other limits, because the kernel counts descriptors on their way through Unix
    sockets for all processes of a user, and whoever is over the own bound may send none: what has
    to be sent is sent before.
    """
    bound = min(OPEN_FILES, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, (bound, bound))


def allow_open_files() -> None:
    """Let this process open as many files as its hard limit allows."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
