"""Playing episodes: one, or groups of them over many tasks, in parallel and resumable."""

from sandmle.rollout.build import open_setup
from sandmle.rollout.executor import Executor, Job, Played
from sandmle.rollout.group import Budget, RunSummary, pending, run_groups
from sandmle.rollout.local_executor import LocalExecutor
from sandmle.rollout.run import PolicyFactory, Setup, episode_seed, play_episode, run_episode
from sandmle.rollout.settings import RolloutSettings, RunSettings

__all__ = [
    "Budget",
    "Executor",
    "Job",
    "LocalExecutor",
    "Played",
    "PolicyFactory",
    "RolloutSettings",
    "RunSettings",
    "RunSummary",
    "Setup",
    "episode_seed",
    "open_setup",
    "pending",
    "play_episode",
    "run_episode",
    "run_groups",
]
