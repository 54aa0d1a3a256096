"""Policies that play a task's own baselines: episodes of known quality without any model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sandmle.core.errors import unknown
from sandmle.core.policy import Policy
from sandmle.core.seeding import Streams
from sandmle.core.verdict import RungScore
from sandmle.scaffolds import Scaffold, scripted
from sandmle.store import TaskDir

CHOICES = ("mixed", "random")
"""Ways to choose a rung other than its name."""


@dataclass(frozen=True)
class LadderPolicy:
    """Makes scripted policies out of ladders; a `PolicyFactory`.

    Args:
        scaffold: The scaffold that the turns are written for.
        rung: A rung's name; `random` for any; `mixed` for rungs from weak to strong over the
            replicas, by measured score, so that a group holds good and bad episodes.
        group_size: Replicas of one task, for `mixed`.
    """

    scaffold: Scaffold
    rung: str = "mixed"
    group_size: int = 4

    def __call__(self, task_dir: TaskDir, *, replica: int, seed: int) -> Policy:
        """Make the policy of one episode; a third of them look at the data first.

        Raises:
            UsageError: If the task has no rung of the wanted name.
        """
        scripts = {rung.name: rung.script for rung in task_dir.ladder()}
        rng = Streams(seed).rng("ladder policy")
        name = self._choose(task_dir, list(scripts), rng, replica=replica)
        turns = [scripts[name]]
        if self.rung == "mixed" and replica % 2:
            turns.insert(0, scripts[_weakest(task_dir, list(scripts))])
        return scripted(self.scaffold, f"scripted:{name}", turns, look=bool(rng.random() < 1 / 3))

    def _choose(
        self, task_dir: TaskDir, names: list[str], rng: np.random.Generator, *, replica: int
    ) -> str:
        if self.rung == "random":
            return names[int(rng.integers(len(names)))]
        if self.rung == "mixed":
            order = _by_gain(task_dir, names)
            step = (len(order) - 1) / max(1, self.group_size - 1)
            return order[round(min(replica, self.group_size - 1) * step)]
        if self.rung not in names:
            raise unknown(
                f"rung of task {task_dir.path.name} called", self.rung, [*names, *CHOICES]
            )
        return self.rung


def _by_gain(task_dir: TaskDir, names: list[str]) -> list[str]:
    def gain(rung: RungScore) -> float:
        return float("-inf") if rung.gain is None else rung.gain

    rungs = sorted(task_dir.report.rungs, key=gain)
    return [rung.name for rung in rungs if rung.name in names]


def _weakest(task_dir: TaskDir, names: list[str]) -> str:
    return _by_gain(task_dir, names)[0]
