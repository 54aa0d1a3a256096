"""Mean absolute percentage error, as a fraction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sandmle.metrics import METRICS
from sandmle.metrics._base import Metric, Values


@METRICS.register("mape")
@dataclass(frozen=True)
class MAPE(Metric):
    """Mean of the absolute error relative to the answer, over all cells; 0.1 means 10 %."""

    name = "mape"
    title = "mean absolute percentage error (as a fraction)"
    formula = "mean(|p - y| / |y|)"
    higher_is_better = False
    best = 0.0
    columns = "any"

    def score(self, y_true: Values, y_pred: Values, groups: Values | None) -> float:
        """Score shapes (n, k)."""
        if (y_true == 0).any():
            raise ValueError("the percentage error takes answers other than 0")
        return float(np.mean(np.abs((y_pred - y_true) / y_true)))
