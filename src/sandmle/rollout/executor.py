"""Doing many things at once, a bounded number at a time, and stopping cleanly."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


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
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)


async def _work(queue: Iterator[T], run: Callable[[T], Awaitable[None]]) -> None:
    for job in queue:
        await run(job)
