"""Coefficient of determination."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sandmle.metrics import METRICS
from sandmle.metrics._base import Metric, Values


@METRICS.register("r2")
@dataclass(frozen=True)
class R2(Metric):
    """Share of the variance that is explained, mean over the columns; without a lower bound."""

    name = "r2"
    title = "coefficient of determination (R^2)"
    formula = "mean over columns of 1 - sum((p - y)^2) / sum((y - mean(y))^2)"
    higher_is_better = True
    best = 1.0
    columns = "any"

    def score(self, y_true: Values, y_pred: Values, groups: Values | None) -> float:
        """Score shapes (n, k)."""
        if (y_true.min(axis=0) == y_true.max(axis=0)).any():
            raise ValueError("R^2 takes answers that differ; a column of them is constant")
        spread = np.sum((y_true - y_true.mean(axis=0)) ** 2, axis=0)
        return float(np.mean(1.0 - np.sum((y_pred - y_true) ** 2, axis=0) / spread))
