"""Symmetric mean absolute percentage error, as a fraction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sandmle.metrics import METRICS
from sandmle.metrics._base import Metric, Values


@METRICS.register("smape")
@dataclass(frozen=True)
class SMAPE(Metric):
    """Mean absolute error relative to the mean size of both, over all cells; in [0, 2]."""

    name = "smape"
    title = "symmetric mean absolute percentage error (as a fraction, 0 to 2)"
    formula = "mean(2 |p - y| / (|p| + |y|)), where 0 / 0 counts as 0"
    higher_is_better = False
    best = 0.0
    columns = "any"

    def score(self, y_true: Values, y_pred: Values, groups: Values | None) -> float:
        """Score shapes (n, k)."""
        size = np.abs(y_pred) + np.abs(y_true)
        error = 2.0 * np.abs(y_pred - y_true)
        return float(np.mean(np.divide(error, size, out=np.zeros_like(size), where=size > 0)))
