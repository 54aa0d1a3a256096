"""Where episodes are played: in this process, or on other machines; the interface of both."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

from sandmle.core.episode import Episode
from sandmle.store import TaskDir

T = TypeVar("T")


@dataclass(frozen=True)
class Job:
    """An episode to be played."""

    task_dir: TaskDir
    replica: int


@dataclass(frozen=True)
class Played:
    """An episode with the contents that its record names by hash."""

    episode: Episode
    contents: Mapping[str, bytes]
    """Programs and submissions by their SHA-256."""


class Executor(Protocol):
    """Plays episodes, many at once."""

    async def run(self, jobs: Iterable[Job], deliver: Callable[[Played], None]) -> None:
        """Play every job and deliver each as it ends.

        A job is taken from the iterable when there is room for it and not before, so that the
        iterable may end early. `deliver` is called in the caller's event loop, once for each job.
        If it raises, or this is cancelled, all that goes on is stopped and cleaned up.

        Raises:
            UsageError: If a task cannot be read.
            InfraError: If there is nowhere left to play.
        """
        ...


async def run_bounded(
    jobs: Iterable[T], run: Callable[[T], Awaitable[None]], *, limit: int
) -> None:
    """Run every job, at most `limit` at once; jobs are taken from the iterable when they start.

    If one raises, or this is cancelled, the others are cancelled and waited for, and the error is
    raised when all of them have cleaned up behind themselves.
    """
    queue = iter(jobs)
    workers = [asyncio.create_task(_work(queue, run)) for _ in range(limit)]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            # The first one that ends has ended the wait; a second request to the others would
            # interrupt them while they clean up.
            if not worker.cancelling():
                worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)


async def _work(queue: Iterator[T], run: Callable[[T], Awaitable[None]]) -> None:
    for job in queue:
        await run(job)
