"""Pearson's correlation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sandmle.metrics import METRICS
from sandmle.metrics._base import Metric, Values
from sandmle.metrics._ranks import correlation


@METRICS.register("pearson")
@dataclass(frozen=True)
class Pearson(Metric):
    """Linear correlation with the answers, mean over the columns; 0 for a constant column."""

    name = "pearson"
    title = "Pearson correlation"
    formula = "mean over columns of cov(p, y) / (sd(p) sd(y))"
    higher_is_better = True
    best = 1.0
    columns = "any"

    def score(self, y_true: Values, y_pred: Values, groups: Values | None) -> float:
        """Score shapes (n, k)."""
        pairs = zip(y_true.T, y_pred.T, strict=True)
        return float(np.mean([correlation(true, pred) for true, pred in pairs]))
