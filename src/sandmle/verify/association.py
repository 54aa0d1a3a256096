"""Does something that should be meaningless go with the label? Rank tests, without scipy.

Every statistic is a z value: about standard normal where there is no relation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sandmle.verify.board import Predictions
from sandmle.verify.tables import Floats, codes

ALARM = 5.0
"""A z value beyond this is no accident (p < 1e-6), though each task has some twenty tests."""


@dataclass(frozen=True)
class Labels:
    """One label per row: numbers, or codes of classes."""

    values: NDArray[np.float64]
    classes: bool

    @classmethod
    def of(cls, targets: Predictions) -> Labels:
        """Reduce targets of shape (n, t) to one value per row.

        One-hot columns become their class, several numbers the mean of their ranks.
        """
        if targets.dtype.kind != "f":
            joined = ["\0".join(map(str, row)) for row in targets]
            return cls(codes(joined).astype(np.float64), classes=True)
        width = targets.shape[1]
        if width > 1 and set(np.unique(targets)) <= {0.0, 1.0}:
            return cls(targets.argmax(axis=1).astype(np.float64), classes=True)
        if width > 1:
            return cls(np.mean([ranks(targets[:, i]) for i in range(width)], axis=0), classes=False)
        return cls(targets[:, 0], classes=len(np.unique(targets[:, 0])) <= 10)


def ranks(values: Floats) -> Floats:
    """Rank from 1; equal values share the mean of their ranks."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    shared: Floats = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return shared


def relation(values: Floats, labels: Labels) -> float:
    """Test whether `values`, shape (n,), go with the labels.

    Spearman for numbers, Kruskal-Wallis for classes (its p value as a z value).
    """
    if len(values) < 20 or np.ptp(values) == 0 or np.ptp(labels.values) == 0:
        return 0.0
    x = ranks(values)
    if not labels.classes:
        return float(np.corrcoef(x, ranks(labels.values))[0, 1] * math.sqrt(len(x) - 1))
    groups = [x[labels.values == label] for label in np.unique(labels.values)]
    between = sum(len(group) * (group.mean() - x.mean()) ** 2 for group in groups)
    statistic = float(between / x.var(ddof=1))
    freedom = len(groups) - 1
    # Wilson and Hilferty: the cube root of chi-squared is nearly normal
    spread = 2.0 / (9.0 * freedom)
    return (math.cbrt(statistic / freedom) - (1 - spread)) / math.sqrt(spread)


def runs(order: NDArray[np.intp], labels: Labels) -> float:
    """Test whether labels in this order come in runs, or alternate."""
    count = len(order)
    if count < 20 or np.ptp(labels.values) == 0:
        return 0.0
    ordered = labels.values[order]
    if not labels.classes:
        y = ranks(ordered)
        y = y - y.mean()
        return float((y[1:] @ y[:-1]) / (y @ y) * math.sqrt(count))
    shares = np.unique(ordered, return_counts=True)[1] / count
    square, cube = float((shares**2).sum()), float((shares**3).sum())
    pairs = count - 1
    variance = pairs * square * (1 - square) + 2 * (count - 2) * (cube - square**2)
    same = int((ordered[1:] == ordered[:-1]).sum())
    return (same - pairs * square) / math.sqrt(max(variance, 1e-12))
