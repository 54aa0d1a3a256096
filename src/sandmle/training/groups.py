"""Groups of episodes of one task: what each one's advantage is, and which groups teach nothing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

EPSILON = 1e-4
"""Added to a group's standard deviation, as TRL does."""


def advantages_GN(rewards_GN: Floats, *, scale: bool) -> Floats:
    """Return how much better each episode is than its group; NaN rewards (masked) get 0.

    The mean and the standard deviation (with N - 1, of the episodes that are not masked) are the
    group's own; a group with fewer than two paid episodes has no advantage.

    Args:
        rewards_GN: Rewards of N episodes of each of G tasks; NaN where an episode is masked.
        scale: Whether to divide by the standard deviation plus `EPSILON`.
    """
    paid_GN = ~np.isnan(rewards_GN)
    count_G1 = paid_GN.sum(axis=1, keepdims=True)
    filled_GN = np.where(paid_GN, rewards_GN, 0.0)
    mean_G1 = filled_GN.sum(axis=1, keepdims=True) / np.maximum(count_G1, 1)
    apart_GN = np.where(paid_GN, rewards_GN - mean_G1, 0.0)
    if scale:
        squares_G1 = (apart_GN**2).sum(axis=1, keepdims=True)
        apart_GN = apart_GN / (np.sqrt(squares_G1 / np.maximum(count_G1 - 1, 1)) + EPSILON)
    return np.where(count_G1 >= 2, apart_GN, 0.0)


def signal_G(rewards_GN: Floats) -> NDArray[np.bool_]:
    """Say of each group whether its paid episodes differ, so that it teaches something."""
    most_G: Floats = np.abs(advantages_GN(rewards_GN, scale=False)).max(axis=1)
    return most_G > 1e-9
