"""Episodes in this process: one event loop, the sandbox's own processes."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sandmle.rollout.executor import Job, Played, run_bounded
from sandmle.rollout.run import Setup, play_episode


class LocalExecutor:
    """Plays `setup.settings.concurrency` episodes at once; an `Executor`.

    Args:
        setup: What plays and pays the episodes.
    """

    def __init__(self, setup: Setup) -> None:
        self._setup = setup

    async def run(self, jobs: Iterable[Job], deliver: Callable[[Played], None]) -> None:
        """Play every job; see `Executor.run`."""

        async def play(job: Job) -> None:
            played = await play_episode(job.task_dir, self._setup, replica=job.replica)
            # No await from here on: a finished episode cannot be lost to a cancellation.
            deliver(played)

        await run_bounded(jobs, play, limit=self._setup.settings.concurrency)
