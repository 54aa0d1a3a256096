"""Watching one run: its output, its clock, the memory and number of its processes.

Lives in the process that started the run, never in the trainer's. Imports nothing but the standard
library, as everything that `_companion` starts.
"""

from __future__ import annotations

import select
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

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
    ended: int | Sequence[int],
    captures: tuple[Capture, Capture],
    *,
    bounds: Bounds,
    processes: Callable[[], list[int]],
    lifeline: int,
    asks: Mapping[int, Callable[[], bool]] = MappingProxyType({}),
    overfull: Callable[[Sequence[int]], bool] = lambda _: False,
    silent: Callable[[], bool] = lambda: False,
) -> Observed:
    """Return when the run has ended by itself or must be killed, which is the caller's part.

    Args:
        ended: pidfd of the run's main process, or several descriptors that tell of its end.
        captures: The run's stdout and stderr.
        bounds: What it may use.
        processes: Gives the ids of all processes of the run.
        lifeline: Socket to whoever asked for the run.
        asks: What to call when a descriptor becomes readable; it is forgotten at False.
        overfull: Says whether the files of these processes are more than allowed.
        silent: Called when nobody has stdout and stderr any more; says whether the run has ended.

    Raises:
        LifelineLostError: If `lifeline` was closed.
    """
    start = time.monotonic()
    poll = select.poll()
    calls = {capture.read_end: capture.pull for capture in captures} | dict(asks)
    ends = {ended} if isinstance(ended, int) else set(ended)
    for fd in (*ends, lifeline, *calls):
        poll.register(fd, select.POLLIN)
    streams = {capture.read_end for capture in captures}
    peak_kib, killed_by, next_sample = 0, None, start + _SAMPLE_SECONDS
    over = False
    while killed_by is None:
        now = time.monotonic()
        wait = min(next_sample, start + bounds.wall_seconds) - now
        events = dict(poll.poll(max(0, int(wait * 1000) + 1)))
        for fd in events.keys() & calls.keys():
            if not calls[fd]():
                poll.unregister(fd)
                streams.discard(fd)
                over = over or (not streams and silent())
        if lifeline in events:
            raise LifelineLostError
        if over or events.keys() & ends:
            break
        now = time.monotonic()
        if now >= next_sample:
            pids = processes()
            seen = usage(pids)
            peak_kib = max(peak_kib, seen.peak_kib)
            killed_by = _over(seen, pids, bounds, overfull)
            next_sample = time.monotonic() + _SAMPLE_SECONDS
        if now >= start + bounds.wall_seconds:
            killed_by = "time"
        if sum(capture.total for capture in captures) > _MAX_OUTPUT_BYTES:
            killed_by = "output"
    seconds = time.monotonic() - start
    # Who is killed with its namespace is waited for by nobody, so its time is read before.
    spent = cpu_seconds(processes()) if killed_by else 0.0
    return Observed(killed_by, seconds, spent, peak_kib / 1024)


def _over(
    seen: Usage, pids: list[int], bounds: Bounds, overfull: Callable[[Sequence[int]], bool]
) -> str | None:
    if seen.memory_kib > bounds.memory_mib << 10 and (
        exact_memory_kib(pids) > bounds.memory_mib << 10
    ):
        return "memory"
    if seen.tasks > bounds.processes:
        return "processes"
    return "disk" if overfull(pids) else None


def kill_and_wait(pidfd: int, *, seconds: float = 10.0) -> None:
    """Kill the process and wait until it is dead, though not yet reaped.

    Raises:
        TimeoutError: If it does not die; the kernel holds it.
    """
    try:
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    except ProcessLookupError:
        return
    if not readable(pidfd, seconds):
        raise TimeoutError(f"a killed process did not end within {seconds:.0f} s")


def readable(descriptor: int, seconds: float) -> bool:
    """Wait until there is something to read, or an end; say whether there is."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(seconds * 1000))
