"""Intervals and p-values of means over tasks; a task's samples always stay together.

Axes: D draws, R runs, T tasks, K what is measured. Pure functions: equal input, equal output.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sandmle.core.errors import UsageError
from sandmle.core.seeding import Streams

Floats = NDArray[np.float64]
Interval = tuple[float, float]

DRAWS = 10_000
"""Draws where nothing else is said."""
_FEWEST_DRAWS = 100
_CELLS = 1 << 21
"""Draws times tasks that are held in memory at once."""
_TIE = 1e-12
"""Differences below are rounding."""


def resampled_means_DRK(values_RTK: Floats, *, draws: int, seed: int) -> Floats:
    """Draw the tasks again with replacement and return the means over them.

    All runs and columns of a draw share its tasks, so that they stay paired. A mean is over the
    values that are there; NaN where a draw holds none.

    Args:
        values_RTK: Values; NaN where a run has none of a task.
        draws: How often to draw.
        seed: Root of the randomness.

    Raises:
        UsageError: If there are fewer than 100 draws.
    """
    if draws < _FEWEST_DRAWS:
        raise UsageError(f"{draws} draws give no interval; use at least {_FEWEST_DRAWS}")
    runs, tasks, columns = values_RTK.shape
    flat_TX = values_RTK.transpose(1, 0, 2).reshape(tasks, runs * columns)
    there_TX = ~np.isnan(flat_TX)
    filled_TX = np.where(there_TX, flat_TX, 0.0)
    whole = bool(there_TX.all())
    parts = []
    for weights_DT in _weights(tasks, draws, seed):
        counts_DX = np.float64(tasks) if whole else weights_DT @ there_TX.astype(np.float64)
        with np.errstate(invalid="ignore"):
            parts.append((weights_DT @ filled_TX) / counts_DX)
    return np.concatenate(parts).reshape(draws, runs, columns)


def interval(draws_D: Floats) -> Interval | None:
    """Return the 2.5% and 97.5% points of draws; None unless both are finite.

    Args:
        draws_D: Draws; infinite ones count, NaN is left out.
    """
    known = np.sort(draws_D[~np.isnan(draws_D)])
    if not len(known):
        return None
    # points of the sample itself: between a number and infinity there is nothing to interpolate
    low, high = np.quantile(known, (0.025, 0.975), method="nearest")
    return (float(low), float(high)) if np.isfinite([low, high]).all() else None


def mean_intervals_K(
    values_RTK: Floats, *, draws: int = DRAWS, seed: int = 0
) -> list[Interval | None]:
    """Return 95% percentile intervals of the mean over runs of the means over tasks.

    None where fewer than two tasks have a value: one task says nothing about others. Where all
    tasks agree the interval is a point, which says that they did and not that others will.

    Args:
        values_RTK: Values; NaN where a run has none of a task.
        draws: How often the tasks are drawn again.
        seed: Root of the draws.

    Raises:
        UsageError: If there are fewer than 100 draws.
    """
    drawn_DRK = resampled_means_DRK(values_RTK, draws=draws, seed=seed)
    return [
        _interval_of(values_RTK[:, :, k], drawn_DRK[:, :, k]) for k in range(values_RTK.shape[2])
    ]


def sign_flip_p(differences_T: Floats, *, draws: int = DRAWS, seed: int = 0) -> float:
    """Return the two-sided p-value of a paired permutation test of a mean difference of 0.

    Under the hypothesis each task's difference may as well have the other sign. All signs are
    tried where there are no more ways than draws; else random ones, with the data themselves
    counted among them (so that p is never 0).

    Args:
        differences_T: One difference for each task.
        draws: How many random signs.
        seed: Root of the draws.
    """
    differences = differences_T[np.abs(differences_T) > _TIE]
    count = len(differences)
    if not count:
        return 1.0
    bar = abs(float(differences.sum())) - _TIE * count
    if 2**count <= draws:
        ways = np.arange(2**count)[:, None] >> np.arange(count)
        return float((np.abs((1 - 2 * (ways & 1)) @ differences) >= bar).mean())
    rng = Streams(seed).rng("sign-flip")
    reached = 0
    for size in _sizes(count, draws):
        signs_DT = 1.0 - 2.0 * rng.integers(2, size=(size, count))
        reached += int((np.abs(signs_DT @ differences) >= bar).sum())
    return (reached + 1) / (draws + 1)


def _interval_of(values_RT: Floats, drawn_DR: Floats) -> Interval | None:
    there_RT = ~np.isnan(values_RT)
    if there_RT.any(axis=0).sum() < 2:
        return None
    known = values_RT[there_RT]
    if (known == known[0]).all():
        return float(known[0]), float(known[0])
    there_DR = ~np.isnan(drawn_DR)
    sums_D = np.where(there_DR, drawn_DR, 0.0).sum(axis=1)
    with np.errstate(invalid="ignore"):
        return interval(sums_D / there_DR.sum(axis=1))


def _weights(tasks: int, draws: int, seed: int) -> Iterator[Floats]:
    """Yield how often each task is drawn, shape (D, T), in parts of bounded size."""
    rng = Streams(seed).rng("bootstrap")
    for size in _sizes(tasks, draws):
        drawn_DT = rng.integers(tasks, size=(size, tasks))
        drawn_DT += tasks * np.arange(size)[:, None]
        counts = np.bincount(drawn_DT.ravel(), minlength=size * tasks)
        yield counts.reshape(size, tasks).astype(np.float64)


def _sizes(tasks: int, draws: int) -> Iterator[int]:
    step = max(1, _CELLS // tasks)
    for start in range(0, draws, step):
        yield min(step, draws - start)
