"""Balanced accuracy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sandmle.metrics import METRICS
from sandmle.metrics._base import Metric, Values
from sandmle.metrics._counts import label_counts


@METRICS.register("balanced_accuracy")
@dataclass(frozen=True)
class BalancedAccuracy(Metric):
    """Mean over the labels of the answers of the share of their rows that were found."""

    name = "balanced_accuracy"
    title = "balanced accuracy"
    formula = "mean over labels of (rows of the label with p = y) / (rows of the label)"
    higher_is_better = True
    best = 1.0
    values = "label"

    def score(self, y_true: Values, y_pred: Values, groups: Values | None) -> float:
        """Score shapes (n,)."""
        counts = label_counts(y_true, y_pred)
        present = counts.actual > 0
        return float(np.mean(counts.hits[present] / counts.actual[present]))
