"""Micro-averaged F1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sandmle.metrics import METRICS
from sandmle.metrics._base import BadPrediction, Metric, Values
from sandmle.metrics._counts import binary_f_score


@METRICS.register("f1_micro")
@dataclass(frozen=True)
class F1Micro(Metric):
    """F1 of the pooled decisions.

    One column holds a label per row, and every label counts as positive: the same as accuracy.
    Several columns hold 0 or 1 each (multi-label), and 1 is positive.
    """

    name = "f1_micro"
    title = "micro-averaged F1 score"
    formula = "2 hits / (number predicted + number true), pooled over all labels"
    higher_is_better = True
    best = 1.0
    values = "label"
    columns = "any"

    def score(self, y_true: Values, y_pred: Values, groups: Values | None) -> float:
        """Score shapes (n, k)."""
        if y_true.shape[1] == 1:
            return float(np.mean(y_pred == y_true))
        if not _indicators(y_true):
            raise ValueError("micro-averaged F1 over several columns takes answers of 0 and 1")
        return binary_f_score(y_true.ravel(), y_pred.ravel(), positive="1", beta=1.0)

    def _accept(self, y_pred: Values) -> None:
        if y_pred.shape[1] > 1 and not _indicators(y_pred):
            raise BadPrediction("a value is neither 0 nor 1; submit 0 or 1 in every column")


def _indicators(values: Values) -> bool:
    return bool(((values == "0") | (values == "1")).all())
