"""Watching one run: its output, its clock, the memory and number of its processes.

Lives in the process that started the run, never in the trainer's. Imports nothing but the standard
library, as everything that `_companion` starts.
"""

from __future__ import annotations

import select
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from sandmle.sandbox._capture import Capture
from sandmle.sandbox._process_tree import Usage, cpu_seconds, exact_memory_kib, usage

_SAMPLE_SECONDS = 0.05
_MAX_OUTPUT_BYTES = 16 << 20
"""What a run may print in all; past it, it is killed."""


class LifelineLostError(Exception):
    """Whoever asked for the run is gone."""


@dataclass(frozen=True)
class Bounds:
    """What a run may use."""

    wall_seconds: float
    memory_mib: int
    processes: int


@dataclass(frozen=True)
class Observed:
    """What was seen of a run until it ended or broke a bound."""

    killed_by: str | None
    seconds: float
    cpu_seconds: float
    peak_mib: float


def watch(
    ended: int,
    captures: tuple[Capture, Capture],
    *,
    bounds: Bounds,
    processes: Callable[[], list[int]],
    lifeline: int,
) -> Observed:
    """Return when the run has ended by itself or must be killed, which is the caller's part.

    Args:
        ended: pidfd of the run's main process.
        captures: The run's stdout and stderr.
        bounds: What it may use.
        processes: Gives the ids of all processes of the run.
        lifeline: Socket to whoever asked for the run.

    Raises:
        LifelineLostError: If `lifeline` was closed.
    """
    start = time.monotonic()
    poll = select.poll()
    by_fd = {capture.read_end: capture for capture in captures}
    for fd in (ended, lifeline, *by_fd):
        poll.register(fd, select.POLLIN)
    peak_kib, killed_by, next_sample = 0, None, start + _SAMPLE_SECONDS
    while killed_by is None:
        now = time.monotonic()
        wait = min(next_sample, start + bounds.wall_seconds) - now
        events = dict(poll.poll(max(0, int(wait * 1000) + 1)))
        for fd in events.keys() & by_fd.keys():
            if not by_fd[fd].pull():
                poll.unregister(fd)
        if lifeline in events:
            raise LifelineLostError
        if ended in events:
            break
        now = time.monotonic()
        if now >= next_sample:
            pids = processes()
            seen = usage(pids)
            peak_kib = max(peak_kib, seen.peak_kib)
            killed_by = _over(seen, pids, bounds)
            next_sample = time.monotonic() + _SAMPLE_SECONDS
        if now >= start + bounds.wall_seconds:
            killed_by = "time"
        if sum(capture.total for capture in captures) > _MAX_OUTPUT_BYTES:
            killed_by = "output"
    seconds = time.monotonic() - start
    # Who is killed with its namespace is waited for by nobody, so its time is read before.
    spent = cpu_seconds(processes()) if killed_by else 0.0
    return Observed(killed_by, seconds, spent, peak_kib / 1024)


def _over(seen: Usage, pids: list[int], bounds: Bounds) -> str | None:
    if seen.memory_kib > bounds.memory_mib << 10 and (
        exact_memory_kib(pids) > bounds.memory_mib << 10
    ):
        return "memory"
    return "processes" if seen.tasks > bounds.processes else None


def kill_and_wait(pidfd: int, *, seconds: float = 10.0) -> None:
    """Kill the process and wait until it is dead, though not yet reaped.

    Raises:
        TimeoutError: If it does not die; the kernel holds it.
    """
    try:
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    except ProcessLookupError:
        return
    if not select.select([pidfd], [], [], seconds)[0]:
        raise TimeoutError(f"a killed process did not end within {seconds:.0f} s")
