"""What became of the episodes of one task, in one row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean

from sandmle.core.episode import Episode
from sandmle.core.task import Medal
from sandmle.store.layout import TaskDir
from sandmle.view.attempts import attempts
from sandmle.view.flags import Flag, canaries, flags


@dataclass(frozen=True)
class TaskSummary:
    """One task with its episodes, ready to be shown."""

    task_id: str
    title: str
    family: str
    metric: str
    thresholds: tuple[float, float, float, float]
    """Median, bronze, silver, gold, in the metric's unit."""
    episodes: int
    medals: str
    """Counts of gold, silver and bronze: `1g 2s 0b`."""
    mean_reward: float | None
    """Over the episodes that are not masked; None where there is none."""
    step_ms: float | None
    """Mean wall time of a code run, milliseconds."""
    attempts: int | None = None
    """Attempts to leave the sandbox, over all episodes; None where its backend does not count."""
    attempting: int = 0
    """Episodes with any."""
    canary: bool = False
    """Whether the task cannot be solved honestly."""
    flags: tuple[Flag, ...] = ()
    """Medals on it, if it is a canary."""


def summarise(task_dir: TaskDir, episodes: Sequence[Episode]) -> TaskSummary:
    """Summarise the episodes of one task."""
    task = task_dir.task
    medals = Counter(episode.grade.medal for episode in episodes if episode.grade is not None)
    rewards = [episode.reward.total for episode in episodes if episode.reward is not None]
    runs = [
        step.execution.seconds
        for episode in episodes
        for step in episode.steps
        if step.execution is not None
    ]
    total, attempting = attempts(episodes)
    canary_ids = canaries([task_dir])
    bars = task.thresholds
    return TaskSummary(
        task_id=task.id,
        title=task.title,
        family=task.family,
        metric=task.metric.name,
        thresholds=(bars.median, bars.bronze, bars.silver, bars.gold),
        episodes=len(episodes),
        medals=f"{medals[Medal.GOLD]}g {medals[Medal.SILVER]}s {medals[Medal.BRONZE]}b",
        mean_reward=mean(rewards) if rewards else None,
        step_ms=1000 * mean(runs) if runs else None,
        attempts=total,
        attempting=attempting,
        canary=bool(canary_ids),
        flags=tuple(flags(canary_ids, episodes)),
    )


def attempts_line(rows: Sequence[TaskSummary]) -> str:
    """Say in a line how often code tried to leave the sandbox; empty where nothing counts."""
    counted = [row for row in rows if row.attempts is not None]
    if not counted:
        return ""
    total = sum(row.attempts or 0 for row in counted)
    episodes = sum(row.attempting for row in counted)
    found = f"{total} in {episodes} episode{'' if episodes == 1 else 's'}" if total else "none"
    return f"attempts to leave the sandbox: {found}"
