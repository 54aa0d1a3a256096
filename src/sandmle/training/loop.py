"""The part of a run that learns: rounds of playing, updating, measuring and evaluating."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from sandmle.core.episode import Episode
from sandmle.core.errors import InfraError
from sandmle.core.seeding import derive_seed
from sandmle.rollout.executor import Job
from sandmle.store import TaskDir
from sandmle.training.crew import ALONE, Crew
from sandmle.training.curriculum import TaskSampler
from sandmle.training.evaluate import Evaluator
from sandmle.training.groups import signal_G
from sandmle.training.listener import Listener
from sandmle.training.measure import Clock, measure
from sandmle.training.player import Player
from sandmle.training.recipe import GrpoSettings, Recipe
from sandmle.training.run_folder import Completed, TrainingFolder
from sandmle.training.trajectory import Trajectory, trajectory

Group = list[Episode]
"""Episodes of one task."""


@dataclass
class Learner:
    """Plays the rounds that a trainer asks for, and takes note of what came of each.

    Args:
        recipe: With `[grpo]`.
        grpo: That part of it.
        sampler: Draws the tasks.
        player: Plays episodes with the weights as they are.
        evaluator: Plays held-out tasks.
        folder: The run's folder.
        listener: Is told of every step.
        empty_id: See `trajectory`.
    """

    recipe: Recipe
    grpo: GrpoSettings
    sampler: TaskSampler
    player: Player
    evaluator: Evaluator
    folder: TrainingFolder
    listener: Listener
    empty_id: int
    crew: Crew = ALONE
    """The processes that play a step together; each its share of the tasks."""
    seconds: float = 0.0
    """Wall time of the steps so far."""
    _clock: Clock = field(init=False)
    _groups: list[Group] = field(init=False, default_factory=list)

    def rollout(self, step: int) -> list[Trajectory]:
        """Play a step's groups and return their rows, group after group.

        Raises:
            InfraError: If not one episode could be played.
        """
        self._clock = Clock(self.player.model)
        tasks = self.sampler.draw(step, self.grpo.tasks_per_step)
        mine = self._play(self.crew.share(tasks), step, turn=0)
        self._resample(mine, tasks, step)
        self._groups = self.crew.gathered(mine)
        self.sampler.record({group[0].task_id: _success(group) for group in self._groups})
        episodes = [episode for group in mine for episode in group]
        if all(episode.failure is not None for episode in episodes):
            said = episodes[0].failure.message if episodes[0].failure else ""
            raise InfraError(
                f"no episode of step {step} could be played ({said}); mend that and run the same "
                "command again: it goes on from the last checkpoint"
            )
        self._clock.played(episodes)
        return [trajectory(episode, empty_id=self.empty_id) for episode in episodes]

    def after_step(self, step: int, means: dict[str, float]) -> None:
        """Record a step whose last update is done, and evaluate where it is time to."""
        self.player.model.forget()
        metrics = measure(
            step + 1,
            self._groups,
            means=means,
            clock=self._clock,
            shares=self.sampler.shares(),
            before=self.seconds,
        )
        self.seconds = metrics.seconds
        if not self.crew.leads:
            return
        self.folder.log(metrics)
        self.folder.keep_episodes(step + 1, [e for group in self._groups for e in group])
        self.listener.stepped(metrics)
        self.evaluator.when_due(step + 1, last=self.grpo.steps)

    def completed(self, step: int) -> Completed:
        """Return what a checkpoint of so many steps must say besides the weights."""
        return Completed(step=step, seconds=self.seconds, sampler=self.sampler.state())

    def _play(self, tasks: Sequence[TaskDir], step: int, *, turn: int) -> list[Group]:
        size = self.grpo.group_size
        jobs = [Job(task, replica) for task in tasks for replica in range(size)]
        seed = derive_seed(self.recipe.seed, "rollouts", step, turn)
        episodes = self.player.play(jobs, seed=seed)
        return [episodes[start : start + size] for start in range(0, len(episodes), size)]

    def _resample(self, groups: list[Group], tasks: Sequence[TaskDir], step: int) -> None:
        """Replace groups that teach nothing by groups of other tasks that do."""
        used = {task.task.id for task in tasks}
        for again in range(1, self.grpo.resample + 1):
            turn = self.crew.rank * self.grpo.resample + again
            silent = [index for index, group in enumerate(groups) if not has_signal(group)]
            others = self.sampler.draw(step, len(silent), exclude=used, turn=turn)
            if not others:
                return
            used |= {task.task.id for task in others}
            fresh = [g for g in self._play(others, step, turn=turn) if has_signal(g)]
            for index, group in zip(silent, fresh, strict=False):
                groups[index] = group


def has_signal(group: Group) -> bool:
    """Say whether a group's paid episodes differ."""
    rewards = [np.nan if e.reward is None else e.reward.total for e in group]
    return bool(signal_G(np.array([rewards]))[0])


def _success(group: Group) -> float | None:
    """Return the share of a group's paid episodes that won a medal; None where none was paid."""
    paid = [episode for episode in group if episode.reward is not None]
    if not paid:
        return None
    return sum(e.grade is not None and e.grade.medal > 0 for e in paid) / len(paid)
