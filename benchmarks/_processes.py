"""The processes behind a `warm` sandbox, found and measured from outside, through /proc."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from sandmle.sandbox._process_tree import tree


@dataclass(frozen=True)
class Family:
    """The processes of one sandbox at one moment."""

    host: int
    """What holds the sessions."""
    servers: tuple[int, ...]
    """Fork servers: the parents of children."""
    all: tuple[int, ...]
    """Everything below the host, without it."""

    def pss_mib(self) -> float:
        """Return the physical memory of all but the host; a shared page counts once."""
        return sum(map(pss_kib, self.all)) / 1024


def find_family(host: int) -> Family:
    """Return the processes of the sandbox whose host process is `host`."""
    below = tree(host)[1:]
    # Each child has a sibling that does nothing: the first process of its namespace.
    servers = {_parent(pid) for pid in below if _name(pid) == "sleep"}
    return Family(host, tuple(sorted(servers - {0})), tuple(below))


def hosts(trainer: int | None = None) -> list[int]:
    """Return the host processes of a trainer, by default of this process."""
    found = tree(trainer or os.getpid())
    return [pid for pid in found if b"sandmle.sandbox._host" in _command(pid)]


def pss_kib(pid: int) -> int:
    """Return the memory of a process, a shared page divided among its users; 0 if it is gone.

    Raises:
        PermissionError: If this user may not look at it.
    """
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0


def descriptors(pid: int) -> list[str]:
    """Return what the descriptors of a process point to."""
    found = []
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.append(str(fd.readlink()))
    return found


def threads(pid: int) -> int:
    """Return the number of threads of a process."""
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def mounts(pid: int) -> int:
    """Return the number of mounts that a process sees."""
    return len(Path(f"/proc/{pid}/mountinfo").read_text(encoding="utf-8").splitlines())


def state(pid: int) -> str:
    """Return the letter of a process's state; empty if it is gone."""
    return [*_stat(pid), ""][0]


def started(pid: int) -> str:
    """Return when a process was started, which no other with its id was; empty if it is gone."""
    fields = _stat(pid)
    return fields[19] if fields else ""


def _parent(pid: int) -> int:
    fields = _stat(pid)
    return int(fields[1]) if fields else 0


def _stat(pid: int) -> list[str]:
    with contextlib.suppress(OSError):
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        return text.rpartition(")")[2].split()
    return []


def _name(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").strip()
    return ""


def _command(pid: int) -> bytes:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""
