"""From a run's settings to everything that plays its episodes; the same in every process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sandmle.core.errors import UsageError, unknown
from sandmle.core.execution import Sandbox
from sandmle.policies import MODELS
from sandmle.rewards import get_reward
from sandmle.rollout.expert_policy import EXPERT, ExpertPlayers
from sandmle.rollout.ladder_policy import LadderPolicy
from sandmle.rollout.model_policy import ModelPolicy
from sandmle.rollout.replay_policy import RecordedPolicy
from sandmle.rollout.run import PolicyFactory, Setup
from sandmle.rollout.settings import RunSettings
from sandmle.scaffolds import Scaffold, make_scaffold

POLICIES = ("scripted", EXPERT, "replay")
"""Policies that need no model; the others are the model backends."""


@asynccontextmanager
async def open_setup(
    settings: RunSettings,
    sandbox: Sandbox,
    *,
    concurrency: int = 4,
    model_slots: int | None = None,
) -> AsyncIterator[Setup]:
    """Make what a run needs; its model is closed at the end, the sandbox is the caller's.

    Args:
        settings: The run.
        sandbox: Where code runs.
        concurrency: Episodes at once.
        model_slots: Calls of the model at once.

    Raises:
        UsageError: If a setting names something that does not exist or does not fit.
    """
    scaffold = make_scaffold(
        settings.scaffold, max_steps=settings.max_steps, **settings.scaffold_options
    )
    reward = get_reward(settings.reward)
    rollout = settings.rollout(concurrency=concurrency, model_slots=model_slots)
    factory = _policy(settings, scaffold)
    try:
        yield Setup(sandbox, scaffold, factory, reward, rollout)
    finally:
        if isinstance(factory, ModelPolicy):
            await factory.model.close()


def _policy(settings: RunSettings, scaffold: Scaffold) -> PolicyFactory:
    if settings.policy == "scripted":
        return LadderPolicy(scaffold, settings.rung, settings.group_size)
    if settings.policy == EXPERT:
        return ExpertPlayers(scaffold)
    if settings.policy == "replay":
        if settings.replay is None:
            raise UsageError(
                "--policy replay needs the episodes to repeat: --replay RUN/episodes.jsonl"
            )
        return RecordedPolicy(Path(settings.replay))
    if settings.policy not in MODELS.names():
        raise unknown("policy", settings.policy, [*POLICIES, *MODELS.names()])
    if settings.model is None:
        raise UsageError(f"--policy {settings.policy} needs a model: --model NAME")
    return ModelPolicy(MODELS.get(settings.policy)(settings.model))
