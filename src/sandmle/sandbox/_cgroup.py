"""One control group, version 1 or 2, by its files; `_cgroups` says where groups are made.

Stops: more memory than allowed over all processes of a run together, shared memory and files in
memory included, between two looks of a watchdog as well; more processes and threads than allowed.
Does not stop: use of the processor, of disks or of the network.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sandmle.sandbox._mounts import SetupError

_REMOVAL_SECONDS = 2.0
_MIB = 1 << 20


@dataclass(frozen=True)
class Version:
    """How the files of a group are called."""

    memory_limits: tuple[str, ...]
    """All get the limit. Each may only be as large as the one after it, if that is there."""
    at_start: Mapping[str, str]
    """Written once, where the kernel has it."""
    oom_events: str
    own_memory: str
    """What memory.stat calls the memory of processes."""


V1 = Version(
    ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes"),
    {"memory.swappiness": "0"},
    "memory.oom_control",
    "rss",
)
V2 = Version(
    ("memory.max",),
    # One killed process of a run leaves nothing that is worth going on.
    {"memory.swap.max": "0", "memory.oom.group": "1"},
    "memory.events",
    "anon",
)


class Group:
    """The control group of one slot; its runs come one after the other.

    Args:
        version: How its files are called.
        folders: Where it is, by controller; the same for all in version 2.
    """

    def __init__(self, version: Version, folders: Mapping[str, Path]) -> None:
        self._version = version
        self._folders = folders
        self._memory = folders.get("memory")
        self._tasks = folders.get("pids")
        self._places = tuple(dict.fromkeys(folders.values()))
        self._limits: tuple[int, int] | None = None
        for place in self._places:
            place.mkdir(exist_ok=True)
        if self._memory:
            for name, value in version.at_start.items():
                with contextlib.suppress(OSError):
                    write(self._memory / name, value)

    def limit(self, *, memory_mib: int, tasks: int) -> None:
        """Bound what all processes in the group use together, swap included.

        Args:
            memory_mib: Their memory, and that of files in memory and caches that they filled.
            tasks: Number of processes and threads.

        Raises:
            SetupError: If the kernel refuses, for example because more is in use.
        """
        if (memory_mib, tasks) == self._limits:
            return
        self._limits = None
        try:
            if self._memory:
                self._limit_memory(self._memory, str(memory_mib * _MIB))
            if self._tasks:
                write(self._tasks / "pids.max", str(tasks))
        except OSError as exc:
            raise SetupError(
                f"cannot limit a control group to {memory_mib} MiB and {tasks} processes: "
                f"{exc.strerror}"
            ) from exc
        self._limits = (memory_mib, tasks)

    def add(self, pid: int) -> None:
        """Move a process, as this process's own pid namespace names it, into the group.

        Raises:
            SetupError: If the kernel refuses.
        """
        try:
            for place in self._places:
                write(place / "cgroup.procs", str(pid))
        except OSError as exc:
            raise SetupError(
                f"cannot move the process {pid} into a control group: {exc.strerror}"
            ) from exc

    def charged_mib(self) -> float:
        """Return the memory that is charged to the group and cannot be dropped.

        That of its processes, and that of files in memory which they wrote and left behind.
        """
        found = _numbers(self._memory / "memory.stat") if self._memory else {}
        return (found.get(self._version.own_memory, 0) + found.get("shmem", 0)) / _MIB

    def oom_kills(self) -> int:
        """Return how many processes the kernel has killed here, ever, for their memory."""
        if not self._memory:
            return 0
        return _numbers(self._memory / self._version.oom_events).get("oom_kill", 0)

    def kill(self) -> None:
        """Kill all processes in the group; those that fork meanwhile are killed as well."""
        with contextlib.suppress(OSError):
            write(self._places[0] / "cgroup.kill", "1")
            return
        # Without a way to kill all at once, what cannot fork cannot outrun the killing.
        self._limits = None
        if self._tasks:
            with contextlib.suppress(OSError):
                write(self._tasks / "pids.max", "0")
        kill_all(pids_in(self._places[0]))

    def remove(self) -> None:
        """Kill what is in the group, and remove it; what the kernel holds on to is left."""
        self.kill()
        for place in self._places:
            remove(place)

    def _limit_memory(self, folder: Path, value: str) -> None:
        names = [name for name in self._version.memory_limits if (folder / name).exists()]
        try:
            for name in names:
                write(folder / name, value)
        except OSError as exc:
            if exc.errno != errno.EINVAL:
                raise
            # More than before: the outer limit has to make room first.
            for name in reversed(names):
                write(folder / name, value)


def kill_all(pids: Iterable[int]) -> None:
    """Kill processes; those that this process's pid namespace cannot name are left."""
    for pid in pids:
        # The kernel says 0 for them, and killing 0 would kill the own process group.
        if pid > 0:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def remove(place: Path) -> None:
    """Remove a group; processes that were killed may need a moment to leave it."""
    give_up = time.monotonic() + _REMOVAL_SECONDS
    while True:
        try:
            place.rmdir()
        except OSError as exc:
            if exc.errno == errno.EBUSY and time.monotonic() < give_up:
                time.sleep(0.005)
                continue
        return


def pids_in(place: Path) -> list[int]:
    """Return the processes in a group, as this process's own pid namespace names them."""
    return [int(word) for word in _text(place / "cgroup.procs").split()]


def words_in(path: Path) -> set[str]:
    """Return the words in a file of a group; none where it cannot be read."""
    return set(_text(path).split())


def _numbers(path: Path) -> dict[str, int]:
    pairs = (line.split() for line in _text(path).splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdecimal()}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""


def write(path: Path, text: str) -> None:
    """Write into a file that the kernel has made.

    Raises:
        OSError: If there is none, or the kernel refuses.
    """
    # The kernel makes these files; a missing one must not be made by a slip.
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)
