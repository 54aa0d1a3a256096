"""What a tree of processes uses, read from /proc; a process may vanish while it is read."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

# Of the words in /proc/PID/stat after the command.
_FLAGS_AT, _THREADS_AT, _STATUS_AT = 6, 17, 49
_EXITING = 0x4
"""PF_EXITING: the process is in `do_exit`, from which it does not return."""
_TICKS = os.sysconf("SC_CLK_TCK")


class Usage(NamedTuple):
    """What processes use at one moment."""

    memory_kib: int = 0
    """Anonymous and shared memory; what forks share is counted for each."""
    peak_kib: int = 0
    """Largest resident memory that one of them ever had."""
    tasks: int = 0
    """Processes and threads, without those that are dead and waited for by nobody."""


def tree(*roots: int) -> list[int]:
    """Return `roots` and all their descendants."""
    found = list(roots)
    for pid in found:
        try:
            tasks = list(Path(f"/proc/{pid}/task").iterdir())
        except OSError:
            continue
        for task in tasks:
            found += [int(child) for child in _read(f"{task}/children").split()]
    return found


def usage(pids: Iterable[int]) -> Usage:
    """Add up what `pids` use."""
    memory = peak = tasks = 0
    for pid in pids:
        status = _fields(f"/proc/{pid}/status")
        if "VmHWM" not in status:
            status = _fields(f"/proc/{bearer(pid)}/status")
        if "VmHWM" not in status:
            continue
        memory += status.get("RssAnon", 0) + status.get("RssShmem", 0)
        peak = max(peak, status["VmHWM"])
        tasks += status.get("Threads", 0)
    return Usage(memory, peak, tasks)


def exact_memory_kib(pids: Iterable[int]) -> int:
    """Add up the memory of `pids`, a shared page divided among its users; slow."""
    total = 0
    for pid in pids:
        rollup = _fields(f"/proc/{pid}/smaps_rollup") or _fields(
            f"/proc/{bearer(pid)}/smaps_rollup"
        )
        if rollup:
            total += rollup.get("Pss_Anon", rollup.get("Pss", 0)) + rollup.get("Pss_Shmem", 0)
        else:
            # A program that may be run but not read hides its memory, not how much it is.
            total += usage([pid]).memory_kib
    return total


def bearer(pid: int) -> int:
    """Return the id under which a process shows its memory and its open files.

    That is its own, unless its first thread has ended before others, which then show them.
    """
    status = _fields(f"/proc/{pid}/status")
    if "VmHWM" not in status and status.get("Threads", 0) > 1:
        for task in Path(f"/proc/{pid}/task").glob("[0-9]*"):
            if "VmHWM" in _fields(f"/proc/{task.name}/status"):
                return int(task.name)
    return pid


def cpu_seconds(pids: Iterable[int]) -> float:
    """Add up the processor time of `pids` and of the children they have waited for."""
    ticks = 0
    for pid in pids:
        # The command's name is the process's own choice and may hold blanks and parentheses.
        fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
        ticks += sum(int(field) for field in fields[11:15])
    return ticks / _TICKS


def stopped(pids: Iterable[int]) -> bool:
    """Say whether all threads of `pids` are stopped or dead."""
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").glob("*/stat"):
            state = _read(str(task)).rpartition(")")[2].split()[:1]
            if state and state[0] not in "TtZX":
                return False
    return True


class Exit(NamedTuple):
    """How a process that runs no more code, though the kernel is not done with it, has ended."""

    status: int
    """As `os.wait` gives it."""
    cpu_seconds: float


def exit_of(pid: int) -> Exit | None:
    """Return how the process is ending; None where it is not, or has other threads."""
    fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    if len(fields) < _STATUS_AT + 1 or fields[_THREADS_AT] != "1":
        return None
    if not int(fields[_FLAGS_AT]) & _EXITING:
        return None
    own_ns = _read(f"/proc/{pid}/schedstat").split()[:1]
    # Ticks are 10 ms; most scripts take less than a few.
    own = int(own_ns[0]) / 1e9 if own_ns else sum(int(field) for field in fields[11:13]) / _TICKS
    waited_for = sum(int(field) for field in fields[13:15]) / _TICKS
    return Exit(int(fields[_STATUS_AT]), own + waited_for)


def _fields(path: str) -> dict[str, int]:
    found = {}
    for line in _read(path).splitlines():
        name, _, value = line.partition(":")
        number = value.split()[:1]
        if number and number[0].isdecimal():
            found[name] = int(number[0])
    return found


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
