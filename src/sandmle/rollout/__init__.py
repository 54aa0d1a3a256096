"""Playing episodes: one, or groups of them over many tasks, in parallel and resumable."""

from sandmle.rollout.group import RunSummary, pending, run_groups
from sandmle.rollout.run import PolicyFactory, RolloutSettings, Setup, episode_seed, run_episode

__all__ = [
    "PolicyFactory",
    "RolloutSettings",
    "RunSummary",
    "Setup",
    "episode_seed",
    "pending",
    "run_episode",
    "run_groups",
]
