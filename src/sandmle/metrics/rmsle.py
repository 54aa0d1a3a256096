"""Root mean squared logarithmic error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sandmle.metrics import METRICS
from sandmle.metrics._base import BadPrediction, Metric, Values


@METRICS.register("rmsle")
@dataclass(frozen=True)
class RMSLE(Metric):
    """Root mean squared difference of log(1 + value), over all cells; no negative numbers."""

    name = "rmsle"
    title = "root mean squared logarithmic error"
    formula = "sqrt(mean((log(1 + p) - log(1 + y))^2))"
    higher_is_better = False
    best = 0.0
    columns = "any"

    def score(self, y_true: Values, y_pred: Values, groups: Values | None) -> float:
        """Score shapes (n, k)."""
        if (y_true < 0).any():
            raise ValueError("the logarithmic error takes answers of at least 0")
        return float(np.sqrt(np.mean((np.log1p(y_pred) - np.log1p(y_true)) ** 2)))

    def _accept(self, y_pred: Values) -> None:
        negative = (y_pred < 0).any(axis=1)
        if negative.any():
            row = int(np.argmax(negative))
            raise BadPrediction(
                f"{int(negative.sum())} rows hold a negative number (first: {y_pred[row].min()}); "
                "this metric takes numbers of at least 0",
                row=row,
            )
