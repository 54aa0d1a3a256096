"""Groups: as many episodes of every task, in parallel, recorded one by one, resumable."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from pydantic import Field

from sandmle.core.episode import Episode
from sandmle.core.errors import UsageError
from sandmle.core.policy import Usage
from sandmle.core.record import Record
from sandmle.rollout.executor import Executor, Job, Played
from sandmle.store import TaskDir
from sandmle.store.artefacts import Artefacts
from sandmle.store.episodes import EpisodeLog


@dataclass
class RunSummary:
    """What a run came to."""

    skipped: int
    """Episodes that were in the log before."""
    played: int = 0
    """Episodes that were added to it."""
    masked: int = 0
    """Those of the added ones that have no reward."""
    stopped_by: str | None = None
    """The budget's limit that ended the run early: `seconds`, `tokens` or `dollars`."""


class Budget(Record):
    """Limits of a whole run: past one of them no further episode starts; None: no limit."""

    seconds: float | None = Field(default=None, gt=0)
    """Wall time since the call began."""
    tokens: int | None = Field(default=None, gt=0)
    """Tokens of prompts and completions, of episodes that were in the log before too."""
    dollars: float | None = Field(default=None, gt=0)
    """Price in US dollars, of episodes that were in the log before too."""


def pending(tasks: Iterable[TaskDir], log: EpisodeLog, *, group_size: int) -> list[Job]:
    """Return the episodes that the log does not hold, task by task.

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
            Job(task_dir, replica)
            for replica in range(group_size)
            if (task_id, replica) not in done
        ]
    return missing


async def run_groups(
    tasks: Iterable[TaskDir],
    executor: Executor,
    *,
    group_size: int,
    log: EpisodeLog,
    artefacts: Artefacts | None = None,
    budget: Budget | None = None,
    on_episode: Callable[[Episode], None] | None = None,
) -> RunSummary:
    """Play `group_size` episodes of every task and append each to the log as it ends.

    Episodes that the log holds are skipped, so the same call after an interruption goes on where
    it stopped. When it is cancelled (Ctrl-C under `asyncio.run`), finished episodes are kept and
    the others are dropped, their sandboxes closed. An episode that fails stops no other.

    Args:
        tasks: The tasks.
        executor: Where episodes are played: `LocalExecutor(setup)`, or one on Ray.
        group_size: Episodes of each task.
        log: Open for writing.
        artefacts: Where programs and submissions are kept; None: they are not.
        budget: Limits of the whole run.
        on_episode: Called with each new episode once it is on disk.

    Raises:
        UsageError: If a task cannot be read, two have the same id, or the disk takes no more.
    """
    tasks = list(tasks)
    todo = pending(tasks, log, group_size=group_size)
    summary = RunSummary(skipped=len(tasks) * group_size - len(todo))
    meter = _Meter(budget or Budget(), log)

    def deliver(played: Played) -> None:
        episode = played.episode
        # Contents first: a record never names what is not there.
        if artefacts is not None:
            for data in played.contents.values():
                artefacts.put(data)
        log.append(episode)
        meter.add(episode)
        summary.played += 1
        summary.masked += episode.masked
        if on_episode is not None:
            on_episode(episode)

    await executor.run(meter.while_left(todo), deliver)
    summary.stopped_by = meter.spent
    return summary


class _Meter:
    """What a run has used of its budget."""

    def __init__(self, budget: Budget, log: EpisodeLog) -> None:
        self.spent: str | None = None
        """The limit that was reached."""
        self._budget = budget
        self._began = time.monotonic()
        self._usage = Usage()
        if budget.tokens is not None or budget.dollars is not None:
            self._usage = sum((episode.usage for episode in log), Usage())

    def add(self, episode: Episode) -> None:
        self._usage += episode.usage

    def while_left(self, jobs: Iterable[Job]) -> Iterator[Job]:
        for job in jobs:
            self.spent = self._reached()
            if self.spent is not None:
                return
            yield job

    def _reached(self) -> str | None:
        budget, used = self._budget, self._usage
        amounts = {
            "seconds": (time.monotonic() - self._began, budget.seconds),
            "tokens": (used.prompt_tokens + used.completion_tokens, budget.tokens),
            "dollars": (used.dollars, budget.dollars),
        }
        return next(
            (name for name, (so_far, most) in amounts.items() if most and so_far >= most), None
        )
