"""What a tree of processes uses, read from /proc; a process may vanish while it is read."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

_TICKS = os.sysconf("SC_CLK_TCK")


class Usage(NamedTuple):
    """What processes use at one moment."""

    memory_kib: int = 0
    """Anonymous and shared memory; what forks share is counted for each."""
    peak_kib: int = 0
    """Largest resident memory that one of them ever had."""
    tasks: int = 0
    """Processes and threads."""


def tree(root: int) -> list[int]:
    """Return `root` and all its descendants."""
    found = [root]
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
        memory += status.get("RssAnon", 0) + status.get("RssShmem", 0)
        peak = max(peak, status.get("VmHWM", 0))
        tasks += status.get("Threads", 0)
    return Usage(memory, peak, tasks)


def exact_memory_kib(pids: Iterable[int]) -> int:
    """Add up the memory of `pids`, a shared page divided among its users; slow."""
    total = 0
    for pid in pids:
        rollup = _fields(f"/proc/{pid}/smaps_rollup")
        total += rollup.get("Pss_Anon", rollup.get("Pss", 0)) + rollup.get("Pss_Shmem", 0)
    return total


def cpu_seconds(pids: Iterable[int]) -> float:
    """Add up the processor time of `pids` and of the children they have waited for."""
    ticks = 0
    for pid in pids:
        # The command's name is the process's own choice and may hold blanks and parentheses.
        fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
        ticks += sum(int(field) for field in fields[11:15])
    return ticks / _TICKS


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
