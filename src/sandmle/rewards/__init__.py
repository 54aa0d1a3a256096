"""Rewards: one file each. `get_reward("milestone")` gives one by name."""

from __future__ import annotations

from sandmle.core.registry import Registry
from sandmle.core.reward import RewardFunction

REWARDS: Registry[RewardFunction] = Registry("reward", "sandmle.rewards")

__all__ = ["REWARDS", "get_reward"]


def get_reward(name: str) -> RewardFunction:
    """Return the reward function called `name`.

    Raises:
        UsageError: If there is none; the message offers the nearest name.
    """
    return REWARDS.get(name)
