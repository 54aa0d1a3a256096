"""Root mean squared error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sandmle.metrics import METRICS
from sandmle.metrics._base import Metric, Values


@METRICS.register("rmse")
@dataclass(frozen=True)
class RMSE(Metric):
    """Root of the mean squared difference, over all cells."""

    name = "rmse"
    title = "root mean squared error"
    formula = "sqrt(mean((p - y)^2)), over all cells"
    higher_is_better = False
    best = 0.0
    columns = "any"

    def score(self, y_true: Values, y_pred: Values, groups: Values | None) -> float:
        """Score shapes (n, k)."""
        return float(np.sqrt(np.mean((y_pred - y_true) ** 2)))
