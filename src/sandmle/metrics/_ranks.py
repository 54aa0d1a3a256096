"""Ranks, and what is computed from them: areas under curves and correlations."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sandmle.metrics._base import Values

Floats = NDArray[np.float64]


def average_ranks(values: Values) -> Floats:
    """Rank numbers of shape (n,) from 1; equal numbers share the mean of their ranks."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: Floats = (last - (counts - 1) / 2)[inverse]
    return ranks


def area_under_roc(y_true: Values, y_pred: Values) -> float:
    """Return the chance that a random positive is ranked above a random negative.

    Ties count one half (Mann-Whitney). `y_true` holds 0 and 1.

    Raises:
        ValueError: If the answers hold anything else, or one class only.
    """
    positive = y_true == 1
    n_positive = int(np.count_nonzero(positive))
    n_negative = len(y_true) - n_positive
    if not (positive | (y_true == 0)).all() or not n_positive or not n_negative:
        raise ValueError("the area under the ROC curve takes answers of 0 and 1, some of each")
    rank_sum = float(average_ranks(y_pred)[positive].sum())
    return (rank_sum - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative)


def correlation(y_true: Values, y_pred: Values) -> float:
    """Return Pearson's correlation of two columns of shape (n,), in [-1, 1].

    Constant predictions have no direction: they count as uncorrelated, 0.

    Raises:
        ValueError: If the answers are constant.
    """
    if y_true.min() == y_true.max():
        raise ValueError("a correlation takes answers that differ; a column of them is constant")
    if y_pred.min() == y_pred.max():
        return 0.0
    unit_true, unit_pred = _unit(y_true), _unit(y_pred)
    return float(np.clip(unit_true @ unit_pred, -1.0, 1.0))


def _unit(column: Floats) -> Floats:
    # brought to [0, 1] before it is squared: neither huge nor tiny numbers overflow or vanish
    shifted = column - column.min()
    centred: Floats = shifted / shifted.max()
    centred = centred - centred.mean()
    return centred / np.sqrt(centred @ centred)
