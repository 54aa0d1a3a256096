"""Error rate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sandmle.metrics import METRICS
from sandmle.metrics._base import Metric, Values


@METRICS.register("error_rate")
@dataclass(frozen=True)
class ErrorRate(Metric):
    """Share of rows with a wrong label: 1 - accuracy."""

    name = "error_rate"
    title = "error rate"
    formula = "share of rows where p differs from y"
    higher_is_better = False
    best = 0.0
    values = "label"

    def score(self, y_true: Values, y_pred: Values, groups: Values | None) -> float:
        """Score shapes (n,)."""
        return float(np.mean(y_pred != y_true))
