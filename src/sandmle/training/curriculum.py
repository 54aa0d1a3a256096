"""Which tasks a step is played on: weighted sources, levels of difficulty, and success so far.

A task's weight is its source's share, dealt out evenly over the source's tasks, times how much it
teaches: tasks whose success rate lies within the band count in full, others less. Success is the
share of a group's episodes that won a medal: that is what the rates of the field are about, and
unlike the reward it does not move with the form of the turns.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from sandmle.core.record import Record
from sandmle.core.seeding import Streams
from sandmle.store import TaskDir
from sandmle.training.recipe import Curriculum, Source

Floats = NDArray[np.float64]
Schedule = float | tuple[tuple[int, float], ...]


class SamplerState(Record):
    """What a sampler has learned; all it needs to go on."""

    success: dict[str, float] = Field(default_factory=dict)
    """Running success rate by task id; tasks not in it were never played."""


def scheduled(schedule: Schedule, step: int) -> float:
    """Return a schedule's value at a step: linear between its points, constant outside."""
    if isinstance(schedule, (int, float)):
        return float(schedule)
    at, values = zip(*schedule, strict=True)
    return float(np.interp(step, at, values))


def teaching_N(success_N: Floats, curriculum: Curriculum) -> Floats:
    """Return how much each task teaches, in (0, 1]; NaN success (never played) counts in full."""
    if curriculum.band is None:
        return np.ones_like(success_N)
    low, high = curriculum.band
    with np.errstate(invalid="ignore"):
        inside_N = np.isnan(success_N) | ((success_N >= low) & (success_N <= high))
    return np.where(inside_N, 1.0, curriculum.outside)


def weights_N(
    source_N: NDArray[np.int64], shares_S: Floats, teaching: Floats, allowed_N: NDArray[np.bool_]
) -> Floats:
    """Return the tasks' weights, which add up to 1 where any task is allowed.

    A source's share stays its own however many of its tasks teach little.

    Args:
        source_N: Index of each task's source.
        shares_S: Shares of the sources, of any sum.
        teaching: How much each of the N tasks teaches.
        allowed_N: Whether a task may be drawn at all.
    """
    worth_N = teaching * allowed_N
    total_S = np.bincount(source_N, worth_N, minlength=len(shares_S))
    each_S = np.divide(shares_S, total_S, out=np.zeros_like(total_S), where=total_S > 0)
    found_N: Floats = worth_N * each_S[source_N]
    return found_N / (found_N.sum() or 1.0)


class TaskSampler:
    """Draws the tasks of each step; the same seed, step and outcomes give the same tasks.

    Args:
        sources: Sources with their tasks.
        curriculum: How success and difficulty matter.
        seed: Root of the draws.
    """

    def __init__(
        self,
        sources: Sequence[tuple[Source, Sequence[TaskDir]]],
        curriculum: Curriculum,
        *,
        seed: int,
    ) -> None:
        self._sources = [source for source, _ in sources]
        self._tasks = [task for _, tasks in sources for task in tasks]
        self._ids = [task.task.id for task in self._tasks]
        counts = [len(tasks) for _, tasks in sources]
        self._source_N = np.repeat(np.arange(len(counts)), counts)
        levels = [task.task.provenance.difficulty or 0 for task in self._tasks]
        self._level_N = np.array(levels)
        self._curriculum = curriculum
        self._streams = Streams(seed).child("curriculum")
        self._success: dict[str, float] = {}
        self._drawn: list[int] = []

    def __len__(self) -> int:
        return len(self._tasks)

    def draw(
        self, step: int, count: int, *, exclude: Collection[str] = (), turn: int = 0
    ) -> list[TaskDir]:
        """Draw different tasks for a step, fewer where not so many are left.

        Args:
            step: The step, from 0.
            count: How many.
            exclude: Ids of tasks that are not to be drawn.
            turn: Which draw of the step it is.
        """
        weights = self._weights(step, exclude)
        most = min(count, int((weights > 0).sum()))
        if most == 0:
            return []
        rng = self._streams.rng("step", step, turn)
        picked = rng.choice(len(weights), size=most, replace=False, p=weights)
        if turn == 0:
            self._drawn = []
        self._drawn += picked.tolist()
        return [self._tasks[int(index)] for index in picked]

    def record(self, outcomes: Mapping[str, float | None]) -> None:
        """Take note of success rates in [0, 1] by task id; None says nothing."""
        memory = self._curriculum.memory
        for task_id, rate in outcomes.items():
            if rate is not None:
                before = self._success.get(task_id, rate)
                self._success[task_id] = memory * before + (1 - memory) * rate

    def shares(self) -> dict[str, float]:
        """Return what the last step's draws were: shares of the sources, of the band, success."""
        if not self._drawn:
            return {}
        drawn = np.array(self._drawn)
        success = self._success_N()[drawn]
        inside = teaching_N(success, self._curriculum) == 1.0
        parts = {
            f"source/{source.name}": float((self._source_N[drawn] == index).mean())
            for index, source in enumerate(self._sources)
        }
        known = success[~np.isnan(success)]
        return parts | {
            "in_band": float(inside.mean()),
            "difficulty": float(self._level_N[drawn].mean()),
            "success": float(known.mean()) if len(known) else 0.0,
        }

    def state(self) -> SamplerState:
        """Return what was learned so far."""
        return SamplerState(success=dict(sorted(self._success.items())))

    def restore(self, state: SamplerState) -> None:
        """Go on from what was learned."""
        self._success = dict(state.success)

    def _weights(self, step: int, exclude: Collection[str]) -> Floats:
        allowed_N = np.array([task_id not in exclude for task_id in self._ids])
        if self._curriculum.difficulty:
            highest = scheduled(self._curriculum.difficulty, step)
            allowed_N &= self._level_N <= highest + 1e-9
        shares_S = np.array([scheduled(source.weight, step) for source in self._sources])
        teaching = teaching_N(self._success_N(), self._curriculum)
        return weights_N(self._source_N, shares_S, teaching, allowed_N)

    def _success_N(self) -> Floats:
        return np.array([self._success.get(task_id, np.nan) for task_id in self._ids])
