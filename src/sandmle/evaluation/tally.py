"""Episodes counted task by task: all that a table of rates needs to know of a run."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sandmle.core.episode import Episode
from sandmle.core.task import Medal

Floats = NDArray[np.float64]

RATES = ("valid", "above_median", "bronze", "silver", "gold", "any_medal")
"""Shares of samples, in [0, 1]; bronze, silver and gold add up to any_medal."""
COLUMNS = (*RATES, "reward")
"""What is measured of a task: the axis K of arrays."""


@dataclass
class TaskTally:
    """One task's samples."""

    samples: int = 0
    """Episodes that count."""
    masked: int = 0
    """Episodes that failed for no fault of the agent; they count nowhere else."""
    timed_out: int = 0
    """Samples that training would mask for their time; here they count as they were graded."""
    valid: int = 0
    above_median: int = 0
    bronze: int = 0
    """Samples whose best medal is bronze; the same for the next two."""
    silver: int = 0
    gold: int = 0
    rewards: list[float] = field(default_factory=list)
    """Of the samples that were paid."""

    def add(self, episode: Episode) -> None:
        """Count an episode; without a valid submission it counts as 0 in every rate."""
        if episode.mask_reason == "infrastructure":
            self.masked += 1
            return
        self.samples += 1
        self.timed_out += episode.mask_reason is not None
        if episode.reward is not None:
            self.rewards.append(episode.reward.total)
        grade = episode.grade
        if grade is not None:
            self.valid += grade.valid
            self.above_median += grade.above_median
            self.bronze += grade.medal is Medal.BRONZE
            self.silver += grade.medal is Medal.SILVER
            self.gold += grade.medal is Medal.GOLD

    def means_K(self) -> Floats:
        """Return the means over the samples by `COLUMNS`; NaN where there is none."""
        if not self.samples:
            return np.full(len(COLUMNS), np.nan)
        medals = self.bronze + self.silver + self.gold
        counts = (self.valid, self.above_median, self.bronze, self.silver, self.gold, medals)
        paid = len(self.rewards)
        reward = math.fsum(self.rewards) / paid if paid else math.nan
        return np.array([*(count / self.samples for count in counts), reward])


Tally = Mapping[str, TaskTally]
"""A run's samples by task id."""


def tally(episodes: Iterable[Episode]) -> dict[str, TaskTally]:
    """Count episodes task by task; each is looked at once and not kept.

    Args:
        episodes: In any order.
    """
    counted: dict[str, TaskTally] = {}
    for episode in episodes:
        counted.setdefault(episode.task_id, TaskTally()).add(episode)
    return counted


def means_RTK(runs: Sequence[Tally], tasks: Sequence[str]) -> Floats:
    """Return each task's means in each run by `COLUMNS`; NaN where a run has no sample of it."""
    nothing = TaskTally()
    return np.array([[run.get(task, nothing).means_K() for task in tasks] for run in runs])


def counted_tasks(run: Tally) -> set[str]:
    """Return the tasks of which at least one sample counts."""
    return {task for task, counts in run.items() if counts.samples}


def family_of(task_id: str) -> str:
    """Return a task's family: its id is `FAMILY:HASH`; an id without a hash is its own family."""
    return task_id.rpartition(":")[0] or task_id


def split_by(runs: Sequence[Tally], group_of: Callable[[str], str]) -> dict[str, list[Tally]]:
    """Divide runs into groups of tasks, by name; each group has a tally for every run.

    Args:
        runs: The runs.
        group_of: Gives the group of a task id.
    """
    names = {task: group_of(task) for run in runs for task in run}
    return {
        name: [{task: run[task] for task in run if names[task] == name} for run in runs]
        for name in sorted(set(names.values()))
    }
