"""Spearman's rank correlation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sandmle.metrics import METRICS
from sandmle.metrics._base import Metric, Values
from sandmle.metrics._ranks import average_ranks, correlation


@METRICS.register("spearman")
@dataclass(frozen=True)
class Spearman(Metric):
    """Correlation of ranks, mean over the columns; ties share a rank; 0 for a constant column."""

    name = "spearman"
    title = "Spearman rank correlation"
    formula = "mean over columns of the Pearson correlation of rank(p) and rank(y)"
    higher_is_better = True
    best = 1.0
    columns = "any"

    def score(self, y_true: Values, y_pred: Values, groups: Values | None) -> float:
        """Score shapes (n, k)."""
        pairs = zip(y_true.T, y_pred.T, strict=True)
        ranked = [(average_ranks(true), average_ranks(pred)) for true, pred in pairs]
        return float(np.mean([correlation(true, pred) for true, pred in ranked]))
