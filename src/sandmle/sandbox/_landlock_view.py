"""What `landlock` shows: places of the host, by the same paths as outside.

Who cannot list a folder can still open what is allowed in it, so `/` and `/proc` need no rule.
"""

from __future__ import annotations

import os
from pathlib import Path

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
"""The system's programs, and the links to them."""
SETTINGS = (
    "/etc/alternatives",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/sys/devices/system/cpu",
    "/sys/devices/system/node",
    # Libraries that look for a quota here take a refusal, unlike an absence, for an error.
    "/sys/fs/cgroup/cpu.max",
    "/sys/fs/cgroup/cpu/cpu.cfs_period_us",
    "/sys/fs/cgroup/cpu/cpu.cfs_quota_us",
    "/sys/kernel/mm/transparent_hugepage",
)
"""What says how the machine is made, and how programs find libraries."""
PROCESSES = "/proc"
_MACHINE = (
    "cpuinfo",
    "filesystems",
    "loadavg",
    "meminfo",
    "stat",
    "sys/kernel/cap_last_cap",
    "sys/kernel/osrelease",
    "sys/kernel/pid_max",
    "sys/vm/overcommit_memory",
    "uptime",
    "version",
)
# Neither mounts nor connections, which are the host's; a whole task folder would hold both.
_OF_A_PROCESS = (
    "auxv",
    "cmdline",
    "comm",
    "environ",
    "fd",
    "fdinfo",
    "io",
    "limits",
    "maps",
    "oom_score",
    "oom_score_adj",
    "smaps",
    "smaps_rollup",
    "stat",
    "statm",
    "status",
)
WORK, TEMPORARY, SCRIPT_NAME = "work", "tmp", "script.py"
"""What a run is shown of a session's folder: the first two to write, the last to read."""
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")


def shown_of_processes(pid: int) -> list[str]:
    """Return what a run may read of /proc: the machine's figures, and its main process's."""
    return [
        *(f"{PROCESSES}/{name}" for name in _MACHINE),
        *(f"{PROCESSES}/{pid}/{name}" for name in _OF_A_PROCESS),
    ]


def closed_folder(places: list[Path]) -> Path | None:
    """Return a folder above one of `places` that strangers cannot enter, if there is one."""
    above = {parent for place in places for parent in (*place.parents, *place.resolve().parents)}
    for folder in sorted(above, key=lambda folder: len(folder.parts)):
        if not os.stat(folder).st_mode & 0o001:  # noqa: PTH116 - Path would follow nothing more
            return folder
    return None
