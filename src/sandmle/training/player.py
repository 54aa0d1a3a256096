"""Plays episodes of the policy in training: many at once, turn by turn in step."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sandmle.core.episode import Episode
from sandmle.core.execution import Sandbox
from sandmle.rewards import get_reward
from sandmle.rollout import RolloutSettings, Setup
from sandmle.rollout.executor import Job, Played, run_bounded
from sandmle.rollout.model_policy import ModelPolicy
from sandmle.rollout.run import play_episode
from sandmle.scaffolds import Scaffold, make_scaffold
from sandmle.training.recipe import AgentSettings
from sandmle.training.sampling import TrainedModel


@dataclass(frozen=True)
class Player:
    """Plays episodes as a recipe has them.

    Waves of `concurrency` episodes go on together and are sampled in rounds, so that the same
    weights, tasks and seed give the same tokens, however long each code run takes.

    Args:
        model: The policy's model.
        sandbox: Where code runs.
        settings: How episodes are played and paid.
        runner: Runs the event loop; one for the whole training run.
    """

    model: TrainedModel
    sandbox: Sandbox
    settings: AgentSettings
    runner: asyncio.Runner

    def play(
        self,
        jobs: Sequence[Job],
        *,
        seed: int,
        scaffold: Scaffold | None = None,
        on_played: Callable[[Played], None] | None = None,
    ) -> list[Episode]:
        """Play the jobs and return their episodes in the same order.

        Args:
            jobs: Tasks and replicas.
            seed: Root of the episodes' seeds.
            scaffold: Instead of the recipe's.
            on_played: Called with each episode and its files as it ends.

        Raises:
            PolicyRefused: If the model can say nothing at all.
        """
        setup = self._setup(scaffold or self.scaffold(), seed)
        episodes: list[Episode] = []
        most = self.settings.concurrency
        for start in range(0, len(jobs), most):
            wave = jobs[start : start + most]
            episodes += self.runner.run(self._wave(wave, setup, on_played))
        return episodes

    def scaffold(self) -> Scaffold:
        """Return the recipe's scaffold."""
        own = self.settings
        return make_scaffold(own.scaffold, max_steps=own.max_steps, **own.scaffold_options)

    async def _wave(
        self,
        jobs: Sequence[Job],
        setup: Setup,
        on_played: Callable[[Played], None] | None,
    ) -> list[Episode]:
        played: dict[int, Episode] = {}

        async def play(index: int) -> None:
            job = jobs[index]
            try:
                one = await play_episode(job.task_dir, setup, replica=job.replica)
            finally:
                self.model.ended()
            played[index] = one.episode
            if on_played is not None:
                on_played(one)

        self.model.expect(len(jobs))
        await run_bounded(range(len(jobs)), play, limit=len(jobs))
        return [played[index] for index in range(len(jobs))]

    def _setup(self, scaffold: Scaffold, seed: int) -> Setup:
        own = self.settings
        rollout = RolloutSettings(
            concurrency=own.concurrency,
            seed=seed,
            feedback=own.feedback,
            counts=own.counts,
            limits=own.limits,
            time_outs=own.time_outs,
        )
        return Setup(
            self.sandbox, scaffold, ModelPolicy(self.model), get_reward(own.reward), rollout
        )
