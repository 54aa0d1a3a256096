"""Counts that vary more than Poisson, their quantiles, and stocks that run out of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

TOP = 400
"""Counts from which on a chance is taken for 0."""


def draw_counts(mean: Floats, shape: float, uniform: Floats) -> Ints:
    """Turn uniform numbers into counts with variance mean + mean^2 / shape, shape (n,)."""
    below = _cumulative(mean, shape) < uniform[:, None]
    return np.asarray(below.sum(axis=1), dtype=np.int64)


def count_quantiles(mean: Floats, shape: float, levels: Sequence[float]) -> Ints:
    """Return the smallest counts that are not exceeded with the chances `levels`, shape (n, k)."""
    table = _cumulative(mean, shape)
    columns = [(table < level).sum(axis=1) for level in levels]
    return np.asarray(np.stack(columns, axis=1), dtype=np.int64)


def run_out(
    rng: np.random.Generator, wanted: Ints, *, begins: Floats, partial: bool
) -> tuple[Ints, Ints]:
    """Let stocks run out for one to three days at a time.

    Args:
        rng: Source of the draws.
        wanted: Demand, shape (items, days).
        begins: Chance that a spell begins on a day, of the same shape.
        partial: Whether the first day of a spell still sells what was left, else nothing.

    Returns:
        On which days the stock ran out, as 0 and 1, and what was sold.
    """
    starts = rng.random(wanted.shape) < begins
    length = rng.integers(1, 4, size=wanted.shape)
    left = np.floor(rng.random(wanted.shape) * (wanted + 1)).astype(np.int64)
    out, sold = np.zeros_like(wanted), wanted.copy()
    for ago in range(3):
        spell = np.zeros(wanted.shape, dtype=bool)
        spell[:, ago:] = (starts & (length > ago))[:, : wanted.shape[1] - ago]
        out[spell] = 1
        if ago or not partial:
            sold[spell] = 0
        else:
            sold[spell] = np.minimum(sold, left)[spell]
    return out, sold


def _cumulative(mean: Floats, shape: float) -> Floats:
    """Return the chance of at most 0, 1, 2 ... of a negative binomial, shape (n, TOP)."""
    odds = mean / (mean + shape)
    chance = np.empty((len(mean), TOP))
    chance[:, 0] = (1.0 - odds) ** shape
    for k in range(1, TOP):
        chance[:, k] = chance[:, k - 1] * odds * (k - 1 + shape) / k
    return np.asarray(np.round(np.cumsum(chance, axis=1), 9), dtype=np.float64)
