"""Held-out tasks, played with the weights as they are at some step of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sandmle.core.seeding import derive_seed
from sandmle.evaluation import medal_table
from sandmle.policies import ModelSettings
from sandmle.rollout import RunSettings
from sandmle.rollout.executor import Played
from sandmle.rollout.group import pending
from sandmle.rollout.run_dir import Launch, RunDir
from sandmle.scaffolds import Scaffold, make_scaffold
from sandmle.store import TaskDir
from sandmle.store.episodes import EpisodeLog
from sandmle.training.evidence import misled
from sandmle.training.listener import Listener
from sandmle.training.metrics_log import EvaluationMetrics
from sandmle.training.player import Player
from sandmle.training.recipe import EvaluationSet, Recipe
from sandmle.training.run_folder import TrainingFolder


def scaffold_of(recipe: Recipe, chosen: EvaluationSet, tasks: Sequence[TaskDir]) -> Scaffold:
    """Return the scaffold that a held-out set is played with.

    Args:
        recipe: The recipe.
        chosen: One of its held-out sets.
        tasks: The set's tasks.

    Raises:
        UsageError: If the set's scaffold, options or evidence do not fit.
    """
    scaffold = make_scaffold(
        chosen.scaffold or recipe.agent.scaffold,
        max_steps=recipe.agent.max_steps,
        **_options(recipe, chosen),
    )
    return misled(scaffold, [task.task for task in tasks], chosen.evidence)


@dataclass(frozen=True)
class Evaluator:
    """Plays a recipe's held-out tasks; the same episodes' seeds at every step, so steps compare.

    Args:
        recipe: The recipe.
        sets: Its held-out sets with their tasks.
        player: Plays episodes with the weights as they are.
        folder: The run's folder: each evaluation is a run folder in it.
        listener: Is told of every evaluation.
    """

    recipe: Recipe
    sets: Sequence[tuple[EvaluationSet, Sequence[TaskDir]]]
    player: Player
    folder: TrainingFolder
    listener: Listener

    def when_due(self, step: int, *, last: int) -> None:
        """Play the sets whose turn it is after `step` of `last` steps; 0 is before the first."""
        for chosen, tasks in self.sets:
            due = step in (0, last) or (chosen.every and step % chosen.every == 0)
            if due:
                self._evaluate(chosen, tasks, step)

    def _evaluate(self, chosen: EvaluationSet, tasks: Sequence[TaskDir], step: int) -> None:
        name = chosen.source.name
        run = self.folder.evaluation(name, step)
        settings = self._settings(chosen, tasks)
        run.check(settings)
        with run.log as log:
            run.claim(settings, Launch(max_concurrent=self.recipe.agent.concurrency))
            self._play(chosen, tasks, run, log, step=step)
        metrics = EvaluationMetrics(name=name, step=step, table=medal_table(run.log))
        if self.folder.log(metrics):
            self.listener.evaluated(metrics)

    def _play(
        self,
        chosen: EvaluationSet,
        tasks: Sequence[TaskDir],
        run: RunDir,
        log: EpisodeLog,
        *,
        step: int,
    ) -> None:
        missing = pending(tasks, log, group_size=chosen.samples)
        if not missing:
            return
        name = chosen.source.name
        self.listener.said(f"{name} after step {step}: {len(missing)} episodes")

        def keep(played: Played) -> None:
            for data in played.contents.values():
                run.artefacts.put(data)
            log.append(played.episode)

        self.player.play(
            missing,
            seed=self._seed(chosen),
            scaffold=scaffold_of(self.recipe, chosen, tasks),
            on_played=keep,
        )

    def _seed(self, chosen: EvaluationSet) -> int:
        return derive_seed(self.recipe.seed, "evaluation", chosen.source.name)

    def _settings(self, chosen: EvaluationSet, tasks: Sequence[TaskDir]) -> RunSettings:
        agent = self.recipe.agent
        return RunSettings(
            tasks=str(tasks[0].path.parent),
            scaffold=chosen.scaffold or agent.scaffold,
            scaffold_options=_options(self.recipe, chosen),
            policy="local",
            model=ModelSettings(
                model=self.recipe.policy.model or "",
                temperature=self.recipe.policy.temperature,
                max_new_tokens=self.recipe.policy.max_new_tokens,
            ),
            sandbox=agent.sandbox,
            reward=agent.reward,
            feedback=agent.feedback,
            counts=agent.counts,
            time_outs=agent.time_outs,
            limits=agent.limits,
            group_size=chosen.samples,
            max_steps=agent.max_steps,
            seed=self._seed(chosen),
        )


def _options(recipe: Recipe, chosen: EvaluationSet) -> dict[str, Any]:
    other = chosen.scaffold is not None
    return chosen.scaffold_options if other else recipe.agent.scaffold_options
