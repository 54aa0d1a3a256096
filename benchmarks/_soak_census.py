"""What a `warm` sandbox holds at one moment, and how its memory goes over many steps."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean, linear_regression

from _processes import descriptors, find_family, mounts, started, state, threads
from sandmle.sandbox._cgroups import CONTROLLERS, own_groups
from sandmle.sandbox._process_tree import usage

_END_SECONDS = 5.0
_SETTLE_SECONDS = 20.0
_STAGE = Path("tmp")
"""Where a host has its files, in mounts of its own."""


@dataclass(frozen=True)
class Census:
    """Counts that must not grow; taken while nothing runs."""

    trainer_descriptors: int
    trainer_threads: int
    trainer_mounts: int
    host_descriptors: int
    host_threads: int
    host_mounts: int
    server_descriptors: int
    processes: int
    zombies: int
    sessions: int
    """Folders of sessions on the host's stage."""
    temporary_files: int

    @classmethod
    def take(cls, host: int, temporary: Path) -> Census:
        """Count what there is."""
        trainer, family = os.getpid(), find_family(host)
        return cls(
            trainer_descriptors=len(descriptors(trainer)),
            trainer_threads=threads(trainer),
            trainer_mounts=mounts(trainer),
            host_descriptors=len(descriptors(host)),
            host_threads=threads(host),
            host_mounts=mounts(host),
            server_descriptors=sum(len(descriptors(pid)) for pid in family.servers),
            processes=len(family.all),
            zombies=sum(state(pid) == "Z" for pid in family.all),
            sessions=len(list((Path(f"/proc/{host}/root") / _STAGE / "sessions").iterdir())),
            temporary_files=len(list(temporary.iterdir())),
        )

    def grown(self, before: Census) -> dict[str, str]:
        """Return what is more than before."""
        earlier, now = asdict(before), asdict(self)
        return {
            name: f"{earlier[name]} -> {count}"
            for name, count in now.items()
            if count > earlier[name]
        }


def groups_of(host: int) -> list[Path]:
    """Return the folders of the control groups that a host has made."""
    own = own_groups(
        Path("/proc/self/cgroup").read_text(encoding="utf-8"),
        Path("/proc/self/mountinfo").read_text(encoding="utf-8"),
    )
    places = {own[name] for name in (*CONTROLLERS, "") if name in own}
    return [found for place in places for found in place.glob(f"sandmle-{host}-*/**/")]


def alive(processes: dict[int, str]) -> list[int]:
    """Return those processes, given with their times of start, that do not end within seconds."""
    give_up = time.monotonic() + _END_SECONDS
    while True:
        left = [pid for pid, start in processes.items() if start and started(pid) == start]
        if not left or time.monotonic() > give_up:
            return left
        time.sleep(0.05)


class MemoryLog(threading.Thread):
    """Writes down memory over steps.

    Args:
        host: Its memory, that of its fork servers and of this process.
        steps: Gives how many steps were made.
        every_seconds: How often.
    """

    def __init__(self, host: int, steps: Callable[[], int], *, every_seconds: float) -> None:
        super().__init__(daemon=True)
        self._host = host
        self._steps = steps
        self._every = every_seconds
        self._ended = threading.Event()
        self._samples: list[tuple[int, dict[str, float]]] = []

    def run(self) -> None:
        """Sample until told to end."""
        while not self._ended.wait(self._every):
            servers = find_family(self._host).servers
            if not servers:
                continue
            memory = {
                "trainer": usage([os.getpid()]).memory_kib / 1024,
                "host": usage([self._host]).memory_kib / 1024,
                "server": usage(servers).memory_kib / 1024 / len(servers),
            }
            self._samples.append((self._steps(), memory))

    def end(self) -> dict[str, dict[str, float]]:
        """Stop, and return MiB at the start and end, and the growth per 1,000 steps, of each.

        Start and end are means over a quarter of the samples each, after a first tenth in which
        caches fill; a server's memory is the mean over the servers that there were.
        """
        self._ended.set()
        self.join()
        settled = self._samples[len(self._samples) // 10 :]
        if len(settled) < 8 or settled[0][0] == settled[-1][0]:
            return {}
        steps = [step for step, _ in settled]
        quarter = len(settled) // 4
        return {
            name: _trend(steps, [memory[name] for _, memory in settled], quarter)
            for name in settled[0][1]
        }


def _trend(steps: Sequence[int], values: Sequence[float], quarter: int) -> dict[str, float]:
    return {
        "start_mib": round(fmean(values[:quarter]), 2),
        "end_mib": round(fmean(values[-quarter:]), 2),
        "mib_per_1000_steps": round(linear_regression(steps, values).slope * 1_000, 3),
    }


def settled(take: Callable[[], Census], before: Census, stir: Callable[[], None]) -> Census:
    """Return a census, waiting while it shows more than one from before, but not for ever.

    Args:
        take: Takes one.
        before: The earlier one.
        stir: Makes a few steps, which replace the processes that wait for them.
    """
    give_up = time.monotonic() + _SETTLE_SECONDS
    while True:
        stir()
        time.sleep(0.5)
        census = take()
        if not census.grown(before) or time.monotonic() > give_up:
            return census
