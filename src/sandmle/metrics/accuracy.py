"""Accuracy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sandmle.metrics import METRICS
from sandmle.metrics._base import Metric, Values


@METRICS.register("accuracy")
@dataclass(frozen=True)
class Accuracy(Metric):
    """Share of rows with the right label."""

    name = "accuracy"
    title = "accuracy"
    formula = "share of rows where p = y"
    higher_is_better = True
    best = 1.0
    values = "label"

    def score(self, y_true: Values, y_pred: Values, groups: Values | None) -> float:
        """Score shapes (n,)."""
        return float(np.mean(y_pred == y_true))
