"""The memory control group of the container in which this process is, as far as it shows."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from sandmle.core.errors import SandboxError

_KINDS = (
    # Version 2, then version 1: folder, file of the limit, file that counts kills.
    ("/sys/fs/cgroup", "memory.max", "memory.events"),
    ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.oom_control"),
)
_MIB = 1 << 20


class MemoryGroup(NamedTuple):
    """Where the kernel counts the processes that it killed for memory."""

    events: str

    @classmethod
    def find(
        cls, *, limit_mib: int, kinds: tuple[tuple[str, str, str], ...] = _KINDS
    ) -> MemoryGroup:
        """Return the group, if it holds all processes of the container to `limit_mib`.

        Raises:
            SandboxError: If it does not.
        """
        for folder, limit, events in kinds:
            value = _read(f"{folder}/{limit}").strip()
            if value.isdecimal() and int(value) <= limit_mib * _MIB:
                return cls(f"{folder}/{events}")
        raise SandboxError(
            f"the container's memory is not limited to {limit_mib} MiB; without root, Docker and "
            "Podman need control groups version 2 with the memory controller delegated to you"
        )

    def kills(self) -> int:
        """Return how many processes of the container the kernel has killed for memory."""
        for line in _read(self.events).splitlines():
            name, _, value = line.partition(" ")
            if name == "oom_kill":
                return int(value)
        return 0


def _read(path: str) -> str:
    place = Path(path)
    return place.read_text(encoding="ascii") if place.is_file() else ""
