"""Groups: as many episodes of every task, in parallel, recorded one by one, resumable."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sandmle.core.episode import Episode
from sandmle.core.errors import UsageError
from sandmle.rollout.executor import run_bounded
from sandmle.rollout.run import Setup, run_episode
from sandmle.store import TaskDir
from sandmle.store.episodes import EpisodeLog


@dataclass
class RunSummary:
    """What a run came to."""

    skipped: int
    """Episodes that were in the log before."""
    played: int = 0
    """Episodes that were added to it."""
    masked: int = 0
    """Those of the added ones that have no reward, for an infrastructure failure."""


def pending(
    tasks: Iterable[TaskDir], log: EpisodeLog, *, group_size: int
) -> list[tuple[TaskDir, int]]:
    """Return the `(task, replica)` pairs that the log does not hold, task by task.

    A masked episode is in the log like any other and is not played again.

    Raises:
        UsageError: If a task cannot be read, or two have the same id.
    """
    done = log.keys()
    seen: dict[str, TaskDir] = {}
    missing = []
    for task_dir in tasks:
        task_id = task_dir.task.id
        other = seen.setdefault(task_id, task_dir)
        if other is not task_dir:
            raise UsageError(
                f"{other.path} and {task_dir.path} are the same task {task_id}; remove one"
            )
        missing += [
            (task_dir, replica) for replica in range(group_size) if (task_id, replica) not in done
        ]
    return missing


async def run_groups(
    tasks: Iterable[TaskDir],
    setup: Setup,
    *,
    log: EpisodeLog,
    on_episode: Callable[[Episode], None] | None = None,
) -> RunSummary:
    """Play `settings.group_size` episodes of every task and append each to the log as it ends.

    Episodes that the log holds are skipped, so the same call after an interruption goes on where
    it stopped. When it is cancelled (Ctrl-C under `asyncio.run`), finished episodes are kept and
    the others are dropped, their sandboxes closed. An episode that fails stops no other.

    Args:
        tasks: The tasks.
        setup: What plays and pays the episodes.
        log: Open for writing.
        on_episode: Called with each new episode once it is on disk.

    Raises:
        UsageError: If a task cannot be read, two have the same id, or the log cannot be written.
    """
    tasks = list(tasks)
    settings = setup.settings
    todo = pending(tasks, log, group_size=settings.group_size)
    summary = RunSummary(skipped=len(tasks) * settings.group_size - len(todo))

    async def play(job: tuple[TaskDir, int]) -> None:
        task_dir, replica = job
        episode = await run_episode(task_dir, setup, replica=replica)
        # No await from here on: a finished episode cannot be lost to a cancellation.
        log.append(episode)
        summary.played += 1
        summary.masked += episode.masked
        if on_episode is not None:
            on_episode(episode)

    await run_bounded(todo, play, limit=settings.concurrency)
    return summary
