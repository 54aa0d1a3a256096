"""Mean column-wise root mean squared error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sandmle.metrics import METRICS
from sandmle.metrics._base import Metric, Values


@METRICS.register("mcrmse")
@dataclass(frozen=True)
class MCRMSE(Metric):
    """Mean over the columns of each column's root mean squared error."""

    name = "mcrmse"
    title = "mean column-wise root mean squared error"
    formula = "mean over columns of sqrt(mean((p - y)^2))"
    higher_is_better = False
    best = 0.0
    columns = "many"

    def score(self, y_true: Values, y_pred: Values, groups: Values | None) -> float:
        """Score shapes (n, k)."""
        return float(np.mean(np.sqrt(np.mean((y_pred - y_true) ** 2, axis=0))))
