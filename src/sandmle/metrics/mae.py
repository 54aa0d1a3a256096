"""Mean absolute error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sandmle.metrics import METRICS
from sandmle.metrics._base import Metric, Values


@METRICS.register("mae")
@dataclass(frozen=True)
class MAE(Metric):
    """Mean absolute difference, over all cells."""

    name = "mae"
    title = "mean absolute error"
    formula = "mean(|p - y|), over all cells"
    higher_is_better = False
    best = 0.0
    columns = "any"

    def score(self, y_true: Values, y_pred: Values, groups: Values | None) -> float:
        """Score shapes (n, k)."""
        return float(np.mean(np.abs(y_pred - y_true)))
